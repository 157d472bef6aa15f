// Products of matrices of float for training on a CPU: neither is a weight that is packed once, as
// those of lib/nn are.
#pragma once

#include <cstdint>

namespace clip {

// A matrix where it lies: element (i, j) is data[i * row_stride + j * column_stride].
struct MatrixView {
  const float* data = nullptr;
  std::int64_t row_stride = 0, column_stride = 1;
};

// c[i * c_stride + j] = sum over k of a(i, k) b(k, j), for [rows, depth] and [depth, columns], on
// the calling thread. Each number is the same whichever part of a product it is computed in.
void multiply(const MatrixView& a, const MatrixView& b, std::int64_t rows, std::int64_t columns,
              std::int64_t depth, float* c, std::int64_t c_stride);

}  // namespace clip
