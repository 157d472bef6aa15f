// Reads a model's dimensions off the shapes of its tensors. Throw Error naming a tensor that is
// missing, or whose shape cannot be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "checkpoint/checkpoint.h"

namespace clip {

// One dimension of a weight that must be there; `shape` names the dimensions for the error.
std::int64_t dimension(const Checkpoint& checkpoint, const std::string& name, std::size_t axis,
                       std::size_t rank, const char* shape);

// How many of <prefix>0, <prefix>1, ... have any weight: gaps are found when weights are resolved.
std::int64_t count_layers(const Checkpoint& checkpoint, const std::string& prefix);

// The side of the square grid whose cells, and the class token, position embeddings have a row for.
std::int64_t grid_side(const Checkpoint& checkpoint, const std::string& name);

}  // namespace clip
