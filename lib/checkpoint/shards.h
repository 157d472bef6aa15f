// A model's weights in several files of one kind, and the index that says which tensor is in which:
// {"weight_map": {"tensor": "model-00001-of-00002.safetensors", ...}}, as Hugging Face's libraries
// write it beside the files.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "checkpoint/checkpoint.h"

namespace clip {

// Whether a JSON document is such an index.
bool is_shard_index(std::string_view bytes);

// `index_path`: of the index; the files lie beside it. Throws Error for an index that is no index,
// that names files elsewhere, and for a file that is missing or lacks a tensor that it should have.
std::unique_ptr<Checkpoint> open_shards(const std::string& index_path);

}  // namespace clip
