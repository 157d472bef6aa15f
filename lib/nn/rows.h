// A view of activations: `count` rows of `width` numbers each, `stride` elements from one row to
// the next. Owns nothing; the scratch memory that it looks into belongs to a tower.
#pragma once

#include <cstdint>

#include "nn/element_type.h"

namespace clip {

struct Rows {
  void* data = nullptr;
  ElementType type = ElementType::kFloat32;
  std::int64_t count = 0, width = 0, stride = 0;
  float* scales = nullptr;  // [count], of int8 only: see u8

  // Only for rows of that type.
  float* f32(std::int64_t row = 0) const { return static_cast<float*>(data) + row * stride; }
  std::uint16_t* bf16(std::int64_t row = 0) const {
    return static_cast<std::uint16_t*>(data) + row * stride;
  }
  // int8 with 128 added, since x86 multiplies unsigned by signed bytes: an element u of row i
  // stands for (u - 128) * scales[i].
  std::uint8_t* u8(std::int64_t row = 0) const {
    return static_cast<std::uint8_t*>(data) + row * stride;
  }

  void* at(std::int64_t row, std::int64_t column = 0) const {
    return static_cast<char*>(data) + (row * stride + column) * size_of(type);
  }
  // Some of the rows, and some of the columns.
  Rows rows(std::int64_t first, std::int64_t n) const {
    return {at(first), type, n, width, stride, scales == nullptr ? nullptr : scales + first};
  }
  Rows columns(std::int64_t first, std::int64_t n) const {
    return {at(0, first), type, count, n, stride, scales};
  }
};

}  // namespace clip
