#include "probe/products.h"

#include <algorithm>
#include <vector>

#include "nn/simd.h"

#if defined(__clang__)
#define CLIP_UNROLL _Pragma("unroll")
#else
#define CLIP_UNROLL _Pragma("GCC unroll 16")
#endif

namespace clip {
namespace {

// A tile's sums stay in registers: 6 x 2 of AVX2's 16. A block of both factors stays in the caches:
// a panel of b in the first level, the rows of a in the second.
constexpr std::int64_t kTileRows = 6, kVectors = 2;
constexpr std::int64_t kDepth = 256, kRows = 96;

// c (+)= a b, for a tile; `a` [depth, kTileRows], `b` [depth, kVectors vectors].
template <typename F>
CLIP_INLINE void multiply_tile(const float* a, const float* b, std::int64_t depth, float* sums) {
  F tile[kTileRows][kVectors] = {};
  for (std::int64_t k = 0; k < depth; ++k) {
    F right[kVectors];
    CLIP_UNROLL for (int v = 0; v < kVectors; ++v) {
      load(b + k * kVectors * kLanesOf<F> + v * kLanesOf<F>, &right[v]);
    }
    CLIP_UNROLL for (int i = 0; i < kTileRows; ++i) {
      const float left = a[k * kTileRows + i];
      CLIP_UNROLL for (int v = 0; v < kVectors; ++v) tile[i][v] += left * right[v];
    }
  }
  CLIP_UNROLL for (int i = 0; i < kTileRows; ++i) {
    CLIP_UNROLL for (int v = 0; v < kVectors; ++v) {
      store(sums + (i * kVectors + v) * kLanesOf<F>, tile[i][v]);
    }
  }
}

// Rows of a, [depth, kTileRows] for each kTileRows of them; what is missing is zero.
void pack_rows(const MatrixView& a, std::int64_t rows, std::int64_t depth, float* packed) {
  for (std::int64_t i = 0; i < rows; i += kTileRows) {
    const std::int64_t some = std::min(kTileRows, rows - i);
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t r = 0; r < kTileRows; ++r) {
        *packed++ = r < some ? a.data[(i + r) * a.row_stride + k * a.column_stride] : 0.0F;
      }
    }
  }
}

// Columns of b, [depth, width]; what is missing is zero.
void pack_columns(const MatrixView& b, std::int64_t columns, std::int64_t depth, std::int64_t width,
                  float* packed) {
  std::fill_n(packed, depth * width, 0.0F);
  if (b.column_stride == 1) {
    for (std::int64_t k = 0; k < depth; ++k) {
      std::copy_n(b.data + k * b.row_stride, columns, packed + k * width);
    }
  } else {
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t k = 0; k < depth; ++k) {
        packed[k * width + j] = b.data[k * b.row_stride + j * b.column_stride];
      }
    }
  }
}

template <typename F>
CLIP_INLINE void multiply_block(const MatrixView& a, const MatrixView& b, std::int64_t rows,
                                std::int64_t columns, std::int64_t depth, bool adds, float* c,
                                std::int64_t c_stride, float* packed_rows, float* panel) {
  constexpr std::int64_t kWidth = kVectors * kLanesOf<F>;
  pack_rows(a, rows, depth, packed_rows);
  alignas(64) float sums[kTileRows * kWidth];
  for (std::int64_t j = 0; j < columns; j += kWidth) {
    const std::int64_t width = std::min(kWidth, columns - j);
    pack_columns({b.data + j * b.column_stride, b.row_stride, b.column_stride}, width, depth,
                 kWidth, panel);
    for (std::int64_t i = 0; i < rows; i += kTileRows) {
      multiply_tile<F>(packed_rows + i * depth, panel, depth, sums);
      const std::int64_t height = std::min(kTileRows, rows - i);
      for (std::int64_t r = 0; r < height; ++r) {
        float* to = c + (i + r) * c_stride + j;
        for (std::int64_t w = 0; w < width; ++w) {
          to[w] = adds ? to[w] + sums[r * kWidth + w] : sums[r * kWidth + w];
        }
      }
    }
  }
}

CLIP_KERNEL(void multiply_part(const MatrixView& a, const MatrixView& b, std::int64_t rows,
                               std::int64_t columns, std::int64_t depth, bool adds, float* c,
                               std::int64_t c_stride, float* packed_rows, float* panel),
            multiply_block<F>(a, b, rows, columns, depth, adds, c, c_stride, packed_rows, panel);)

}  // namespace

void multiply(const MatrixView& a, const MatrixView& b, std::int64_t rows, std::int64_t columns,
              std::int64_t depth, float* c, std::int64_t c_stride) {
  std::vector<float> packed_rows(static_cast<std::size_t>(kRows * kDepth));
  std::vector<float> panel(static_cast<std::size_t>(kVectors * kLanes * kDepth));
  for (std::int64_t i = 0; i < rows; i += kRows) {
    const std::int64_t height = std::min(kRows, rows - i);
    for (std::int64_t k = 0; k < depth; k += kDepth) {
      multiply_part(
          {a.data + i * a.row_stride + k * a.column_stride, a.row_stride, a.column_stride},
          {b.data + k * b.row_stride, b.row_stride, b.column_stride}, height, columns,
          std::min(kDepth, depth - k), k > 0, c + i * c_stride, c_stride, packed_rows.data(),
          panel.data());
    }
  }
}

}  // namespace clip
