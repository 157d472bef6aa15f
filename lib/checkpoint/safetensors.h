// safetensors files: a header of JSON that names tensors, their types, shapes and places, and the
// tensors' bytes behind it (github.com/huggingface/safetensors, README, "Format"). As the reference
// reader does, it refuses headers of more than 100,000,000 bytes, names that occur twice, and bytes
// that belong to no tensor or to two.
#pragma once

#include <memory>
#include <string_view>

#include "checkpoint/checkpoint.h"

namespace clip {

bool is_safetensors(std::string_view bytes);

// Throws Error saying what is wrong with the header, or which tensor's place or type.
std::unique_ptr<Checkpoint> open_safetensors(std::shared_ptr<const MappedFile> file);

}  // namespace clip
