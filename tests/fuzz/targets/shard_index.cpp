// The index of weights in several files.
#include "checkpoint/model_files.h"
#include "checkpoint/shards.h"
#include "clip/error.h"
#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  clip::is_shard_index(input);
  for (const auto& [file, tensors] : clip::shards_of(std::string(input), "input")) {
    require(file.find('/') == std::string::npos && file != ".." && !file.empty(),
            "a shard lies beside its index");
  }
}
