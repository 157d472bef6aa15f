// What a refresh has worked out and the index does not have yet: files, and the contents that they
// have, on their way into one commit.
//
// Not for several threads: a refresh guards it with a lock of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clip/image_source.h"
#include "clip/model.h"
#include "index/index.h"

namespace clip {

struct ArchiveWork;

// A file on its way into the index.
struct FileEntry {
  std::int64_t folder = 0;
  std::string name;
  FileState state;
  std::int64_t old_content = 0;  // that it had; 0: none
  bool is_new = false;
  std::shared_ptr<ArchiveWork> archive;  // whose member it is; null: of none
};

// An archive whose members are on their way into the index. It is noted as read in the commit of
// the last of them, or in a later one: until then another run reads it again.
struct ArchiveWork {
  FileEntry file;  // the archive's own
  std::string path;
  std::string relative;      // to the root
  std::int64_t members = 0;  // the folder of its members
  std::size_t waiting = 0;   // members that are being embedded
  bool ended = false;        // all members have been seen
  bool changed = false;      // the file was written to meanwhile
  bool damaged = false;      // there may be members that were not seen
};

// An image that the model is to read, and the files that have it.
struct ContentJob {
  std::string key;
  std::int64_t content = 0;  // 0: a new one
  std::vector<FileEntry> files;
};

// One that the model has read, or could not.
struct FinishedJob {
  ContentJob job;
  std::vector<float> embedding;  // empty: it failed
  std::string error;
};

// A file whose content needs no model.
struct LinkedFile {
  FileEntry file;
  std::int64_t content = 0;  // 0: it has none
  std::string error;
  std::shared_ptr<ArchiveWork> read;  // an archive, with all that was in it; null: another file
};

class PendingCommit {
 public:
  PendingCommit(Index* index, std::shared_ptr<const Model> model)
      : index_(index), model_(std::move(model)) {}

  void add(std::uint64_t tag, FinishedJob finished) { finished_.emplace(tag, std::move(finished)); }
  void add(LinkedFile linked) { linked_.push_back(std::move(linked)); }

  std::size_t size() const { return finished_.size() + linked_.size(); }
  const std::map<std::uint64_t, FinishedJob>& finished() const { return finished_; }
  // The job of that tag, which must have been added: another file may have its content.
  ContentJob& job(std::uint64_t tag) { return finished_.at(tag).job; }

  // Writes all of it in one transaction, the vectors before it. `indexed` is the model in the
  // index, which is added there with its first embedding. Gives how many images archives do not
  // have any more. What temp.members names are the members that an archive has now. Throws Error;
  // then nothing counts, and all is still pending.
  std::uint64_t write(std::optional<IndexedModel>* indexed);
  void clear();

 private:
  void add_model(std::optional<IndexedModel>* indexed);
  std::vector<std::uint32_t> write_vectors(const IndexedModel& indexed);
  std::int64_t write_content(const FinishedJob& finished, std::int64_t model, std::int64_t row,
                             std::uint32_t checksum);
  void write_file(const FileEntry& file, std::int64_t content, const std::string& error);
  std::uint64_t forget_members(const ArchiveWork& archive);

  Index* const index_;
  const std::shared_ptr<const Model> model_;
  std::map<std::uint64_t, FinishedJob> finished_;  // by tag
  std::vector<LinkedFile> linked_;
};

}  // namespace clip
