// Vectors as an index keeps them: rows of float16, each padded with zeros to a whole number of
// cache lines, in memory that is only read (a mapped file).
#pragma once

#include <cstdint>

namespace clip {

constexpr std::int64_t kRowAlignment = 64;  // bytes

// Of one row, in elements: `dim`, rounded up.
constexpr std::int64_t row_stride(std::int64_t dim) {
  constexpr std::int64_t kElements = kRowAlignment / 2;
  return (dim + kElements - 1) / kElements * kElements;
}

struct VectorRows {
  const std::uint16_t* values = nullptr;  // IEEE binary16, [count, row_stride(dim)]
  std::int64_t count = 0;
  std::int64_t dim = 0;

  const std::uint16_t* row(std::int64_t index) const { return values + index * row_stride(dim); }
};

}  // namespace clip
