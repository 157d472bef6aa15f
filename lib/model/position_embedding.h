// Position embeddings for another image size than a model was trained with.
#pragma once

#include <cstdint>
#include <vector>

#include "checkpoint/tensor.h"

namespace clip {

// `tensor`: [1 + g * g, width], the class token's row and those of a g x g grid, row by row. Gives
// [1 + side * side, width], float32: the grid resampled as open_clip's resize_pos_embed does
// (bicubic, antialiased, corners not aligned), the class token's row as it is. In float32, columns
// of the grid first, as PyTorch's interpolate computes it.
std::vector<float> resampled_positions(const Tensor& tensor, std::int64_t side);

}  // namespace clip
