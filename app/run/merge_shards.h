// Joins the files of shards (run/shard_output.h) to the one that a single run would have written,
// byte for byte: NAME.npy with NAME.jsonl, or FILE.jsonl. Nothing is believed: every shard has to
// be there and complete, of the same command, model, settings and list, and every line has to be
// the one that its record has taken a digest of.
//
// Memory grows with the number of shards, not of results.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clip/cancel.h"

namespace clip_cli {

struct MergedShards {
  std::uint64_t shards = 0, results = 0, failed = 0;
};

// `output`: the file that the shards were made for, which is replaced when all is joined. `files`:
// those of all shards, in any order; empty: they lie beside `output`, as shard_path() calls them.
// Throws clip::Error that names the shards that are missing, incomplete or of another run.
MergedShards merge_shards(const std::string& output, const std::vector<std::string>& files,
                          const clip::CancelToken& stop);

}  // namespace clip_cli
