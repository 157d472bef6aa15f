// The transpose of a matrix. Include in .cpp files only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "nn/parallel.h"

namespace clip {

// `from`: [rows, columns]; `to`: [columns, rows]; both row-major. On all threads, in blocks that
// stay in the first-level cache.
template <typename T>
void transpose(const T* from, std::int64_t rows, std::int64_t columns, T* to) {
  constexpr std::int64_t kBlock = 64;
  parallel_for((columns + kBlock - 1) / kBlock, [&](std::int64_t block) {
    const std::int64_t first = block * kBlock, last = std::min(first + kBlock, columns);
    for (std::int64_t begin = 0; begin < rows; begin += kBlock) {
      const std::int64_t end = std::min(begin + kBlock, rows);
      for (std::int64_t j = first; j < last; ++j) {
        for (std::int64_t i = begin; i < end; ++i) to[j * rows + i] = from[i * columns + j];
      }
    }
  });
}

}  // namespace clip
