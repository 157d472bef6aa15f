// The file of a shard, and the record beside it by which another run, or the one that merges, knows
// that it is complete, and of what: NAME-00003-of-00008.npy and NAME-00003-of-00008.npy.shard.
//
// Until it is complete a file is called .part. The record comes before the file gets its name, so a
// file that has its name has a record. Nothing that is complete is ever written over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "input/shard.h"
#include "run/resume.h"

namespace clip_cli {

// In its file, one line of JSON with these names.
struct ShardRecord {
  std::string command;      // that made the shard
  std::string format;       // what it has written, in a word
  Shard shard;              // "shard" and "shards"
  std::uint64_t group = 1;  // as in ShardedList, and so on
  std::uint64_t items = 0;
  std::string list, names;
  std::uint64_t results = 0, failed = 0;
  std::vector<std::uint64_t> sizes;
  std::string run;  // what determines the results (RunFacts)
};

std::string record_path(const std::string& output);  // NAME.npy.shard

// Throws clip::Error naming the file, where it cannot be read, or is no record.
ShardRecord read_shard_record(const std::string& path);

class ShardOutput {
 public:
  // `output`: the shard's own file. Throws clip::Error where the file has its name and is no
  // complete shard of a run with these facts. `by_record`: the results go elsewhere, and are
  // complete where there is a record; `output` stands for them.
  ShardOutput(std::string command, std::string format, std::string output, const Shard& shard,
              const RunFacts& facts, bool by_record = false);

  const Shard& shard() const { return shard_; }
  bool is_complete() const { return complete_.has_value(); }
  std::string part() const { return output_ + ".part"; }

  // What is left to do with a complete file: says so, unless `quiet`, and gives the exit code.
  // `list` has taken all items, and is finished here. Throws clip::Error where it is another list.
  int skip(ShardedList* list, bool quiet) const;

  // Writes the record of results that are all in the part; `list` is finished.
  void record(const ShardedList& list, std::uint64_t failed) const;
  // Gives the part its name; it is on the disk.
  void rename_part() const;
  // Both, unless the whole list is empty, as where a folder is not mounted: that is not complete.
  void complete(const ShardedList& list, std::uint64_t failed) const;

 private:
  const std::string command_, format_, output_;
  const Shard shard_;
  const std::string run_;
  std::optional<ShardRecord> complete_;
};

}  // namespace clip_cli
