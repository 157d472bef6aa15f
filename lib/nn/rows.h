// A view of activations: `count` rows of `width` numbers each, `stride` elements from one row to
// the next. Owns nothing; the scratch memory that it looks into belongs to a tower.
#pragma once

#include <cstdint>

#include "clip/precision.h"

namespace clip {

struct Rows {
  void* data = nullptr;
  Precision precision = Precision::kFloat32;
  std::int64_t count = 0, width = 0, stride = 0;

  // Only for rows of that precision.
  float* f32(std::int64_t row = 0) const { return static_cast<float*>(data) + row * stride; }
  std::uint16_t* bf16(std::int64_t row = 0) const {
    return static_cast<std::uint16_t*>(data) + row * stride;
  }

  void* at(std::int64_t row, std::int64_t column = 0) const {
    return static_cast<char*>(data) + (row * stride + column) * size_of(precision);
  }
  // Some of the rows, and some of the columns.
  Rows rows(std::int64_t first, std::int64_t n) const {
    return {at(first), precision, n, width, stride};
  }
  Rows columns(std::int64_t first, std::int64_t n) const {
    return {at(0, first), precision, count, n, stride};
  }
};

}  // namespace clip
