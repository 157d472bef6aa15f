#include "index/scan_kernels.h"

#include <cstring>

#include "nn/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__clang__)
#define CLIP_UNROLL _Pragma("unroll")
#else
#define CLIP_UNROLL _Pragma("GCC unroll 16")
#endif

namespace clip {
namespace {

// On any processor, in vectors that compilers divide as they need.

// 16 halves as floats: exact, infinities and NaN too.
CLIP_INLINE void load_halves(const std::uint16_t* from, Float16x* to) {
  Short16x narrow;
  std::memcpy(&narrow, from, sizeof(narrow));
  const UInt16x wide = __builtin_convertvector(narrow, UInt16x);
  // The exponent's bias is 112 less than float's: multiplying puts that right, in subnormal numbers
  // too.
  const UInt16x shifted = (wide & 0x7fff) << 13;
  Float16x value;
  std::memcpy(&value, &shifted, sizeof(value));
  value *= 5.192296858534828e+33F;  // 2^112
  UInt16x bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const UInt16x special = (UInt16x)((wide & 0x7fff) >= 0x7c00);  // all bits set, or none
  bits |= special & 0x7f800000;
  bits |= (wide & 0x8000) << 16;
  std::memcpy(to, &bits, sizeof(bits));
}

template <int kQueries>
CLIP_INLINE void dots_plain_row(const std::uint16_t* row, const float* queries, std::int64_t stride,
                                float* scores, std::int64_t score_stride) {
  Float16x sums[kQueries] = {};
  for (std::int64_t k = 0; k < stride; k += kLanes) {
    Float16x x, y;
    load_halves(row + k, &x);
    CLIP_UNROLL for (int q = 0; q < kQueries; ++q) {
      load(queries + q * stride + k, &y);
      sums[q] += x * y;
    }
  }
  for (int q = 0; q < kQueries; ++q) scores[q * score_stride] = sum_of(sums[q]);
}

void dots_plain(const std::uint16_t* rows, std::int64_t row_count, const float* queries,
                std::int64_t query_count, std::int64_t stride, float* scores,
                std::int64_t score_stride) {
  std::int64_t q = 0;
  for (; q + 4 <= query_count; q += 4) {
    for (std::int64_t r = 0; r < row_count; ++r) {
      dots_plain_row<4>(rows + r * stride, queries + q * stride, stride,
                        scores + q * score_stride + r, score_stride);
    }
  }
  for (; q < query_count; ++q) {
    for (std::int64_t r = 0; r < row_count; ++r) {
      dots_plain_row<1>(rows + r * stride, queries + q * stride, stride,
                        scores + q * score_stride + r, score_stride);
    }
  }
}

void widen_plain(const std::uint16_t* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; i += kLanes) {
    Float16x values;
    load_halves(from + i, &values);
    store(to + i, values);
  }
}

constexpr std::int64_t kPlainRows = 4, kPlainColumns = 16;

bool tile_plain(const float* rows, std::int64_t row_stride, const float* columns,
                std::int64_t stride, float threshold, float* products) {
  Float16x sums[kPlainRows] = {};
  for (std::int64_t k = 0; k < stride; ++k) {
    Float16x y;
    load(columns + k * kPlainColumns, &y);
    CLIP_UNROLL for (int i = 0; i < kPlainRows; ++i) sums[i] += rows[i * row_stride + k] * y;
  }
  bool any = false;
  for (int i = 0; i < kPlainRows; ++i) {
    store(products + i * kPlainColumns, sums[i]);
    for (int j = 0; j < kPlainColumns; ++j) any |= sums[i][j] >= threshold;
  }
  return any;
}

bool runs_everywhere() {
  return true;
}

#if defined(__x86_64__)

#define CLIP_AVX2 __attribute__((target("avx2,fma,f16c")))
#define CLIP_AVX2_INLINE __attribute__((target("avx2,fma,f16c"), always_inline)) inline
#define CLIP_AVX512 __attribute__((target("avx512f,avx512bw")))
#define CLIP_AVX512_INLINE __attribute__((target("avx512f,avx512bw"), always_inline)) inline

// Of what one query comes to in a moment: processors by themselves stop at the end of a page. A
// single query waits for memory, so it takes a row after the other, which is how memory is fastest;
// several queries share what has been read, and take tiles of rows, which is fewer loads.
CLIP_INLINE void prefetch(const std::uint16_t* row) {
  constexpr std::int64_t kAhead = 8192;  // bytes; beyond the last row it does nothing
  __builtin_prefetch(reinterpret_cast<const char*>(row) + kAhead);
}

// The sums of 8 lanes: 0 with 4, then with 2, then with 1, as sum_of does.
CLIP_AVX2_INLINE float sum_of_8(__m256 v) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_shuffle_ps(sum, sum, 1)));
}

template <int kRows, int kQueries>
CLIP_AVX2_INLINE void dots_avx2_tile(const std::uint16_t* rows, const float* queries,
                                     std::int64_t stride, float* scores,
                                     std::int64_t score_stride) {
  __m256 sums[kRows * kQueries][2];
  CLIP_UNROLL for (int i = 0; i < kRows * kQueries; ++i) {
    sums[i][0] = sums[i][1] = _mm256_setzero_ps();
  }
  for (std::int64_t k = 0; k < stride; k += 16) {
    __m256 low[kQueries], high[kQueries];
    CLIP_UNROLL for (int q = 0; q < kQueries; ++q) {
      low[q] = _mm256_loadu_ps(queries + q * stride + k);
      high[q] = _mm256_loadu_ps(queries + q * stride + k + 8);
    }
    CLIP_UNROLL for (int r = 0; r < kRows; ++r) {
      if (kRows == 1) prefetch(rows + k);
      const auto* from = reinterpret_cast<const __m128i*>(rows + r * stride + k);
      const __m256 x = _mm256_cvtph_ps(_mm_loadu_si128(from));
      const __m256 y = _mm256_cvtph_ps(_mm_loadu_si128(from + 1));
      CLIP_UNROLL for (int q = 0; q < kQueries; ++q) {
        sums[q * kRows + r][0] = _mm256_fmadd_ps(x, low[q], sums[q * kRows + r][0]);
        sums[q * kRows + r][1] = _mm256_fmadd_ps(y, high[q], sums[q * kRows + r][1]);
      }
    }
  }
  CLIP_UNROLL for (int q = 0; q < kQueries; ++q) {
    __m256 eights[kRows];
    CLIP_UNROLL for (int r = 0; r < kRows; ++r) {
      eights[r] = _mm256_add_ps(sums[q * kRows + r][0], sums[q * kRows + r][1]);
    }
    CLIP_UNROLL for (int r = 0; r < kRows; ++r) scores[q * score_stride + r] = sum_of_8(eights[r]);
  }
}

template <int kRows, int kQueries>
CLIP_AVX2_INLINE void dots_avx2_rows(const std::uint16_t* rows, std::int64_t row_count,
                                     const float* queries, std::int64_t stride, float* scores,
                                     std::int64_t score_stride) {
  std::int64_t r = 0;
  for (; r + kRows <= row_count; r += kRows) {
    dots_avx2_tile<kRows, kQueries>(rows + r * stride, queries, stride, scores + r, score_stride);
  }
  for (; r < row_count; ++r) {
    dots_avx2_tile<1, kQueries>(rows + r * stride, queries, stride, scores + r, score_stride);
  }
}

CLIP_AVX2 void dots_avx2(const std::uint16_t* rows, std::int64_t row_count, const float* queries,
                         std::int64_t query_count, std::int64_t stride, float* scores,
                         std::int64_t score_stride) {
  std::int64_t q = 0;
  for (; q + 2 <= query_count; q += 2) {
    dots_avx2_rows<2, 2>(rows, row_count, queries + q * stride, stride, scores + q * score_stride,
                         score_stride);
  }
  for (; q < query_count; ++q) {
    dots_avx2_rows<1, 1>(rows, row_count, queries + q * stride, stride, scores + q * score_stride,
                         score_stride);
  }
}

CLIP_AVX2 void widen_avx2(const std::uint16_t* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; i += 8) {
    _mm256_storeu_ps(to + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  }
}

constexpr std::int64_t kAvx2Rows = 6, kAvx2Columns = 16;

CLIP_AVX2 bool tile_avx2(const float* rows, std::int64_t row_stride, const float* columns,
                         std::int64_t stride, float threshold, float* products) {
  __m256 sums[kAvx2Rows][2];
  CLIP_UNROLL for (int i = 0; i < kAvx2Rows; ++i) sums[i][0] = sums[i][1] = _mm256_setzero_ps();
  for (std::int64_t k = 0; k < stride; ++k) {
    const __m256 low = _mm256_loadu_ps(columns + k * kAvx2Columns);
    const __m256 high = _mm256_loadu_ps(columns + k * kAvx2Columns + 8);
    CLIP_UNROLL for (int i = 0; i < kAvx2Rows; ++i) {
      const __m256 x = _mm256_broadcast_ss(rows + i * row_stride + k);
      sums[i][0] = _mm256_fmadd_ps(x, low, sums[i][0]);
      sums[i][1] = _mm256_fmadd_ps(x, high, sums[i][1]);
    }
  }
  const __m256 least = _mm256_set1_ps(threshold);
  __m256 any = _mm256_setzero_ps();
  CLIP_UNROLL for (int i = 0; i < kAvx2Rows; ++i) {
    any = _mm256_or_ps(any, _mm256_or_ps(_mm256_cmp_ps(sums[i][0], least, _CMP_GE_OQ),
                                         _mm256_cmp_ps(sums[i][1], least, _CMP_GE_OQ)));
    _mm256_storeu_ps(products + i * kAvx2Columns, sums[i][0]);
    _mm256_storeu_ps(products + i * kAvx2Columns + 8, sums[i][1]);
  }
  return _mm256_movemask_ps(any) != 0;
}

bool runs_avx2() {
  // What __builtin_cpu_supports does not know everywhere, f16c, came before AVX2.
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
}

// Masks that hold everything cost nothing; without them GCC 12 warns of what its header leaves
// undefined.
CLIP_AVX512_INLINE __m512 load_halves_512(const std::uint16_t* from) {
  return _mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}

CLIP_AVX512_INLINE __m256 fold(__m512 v) {
  const __m512d pairs = _mm512_castps_pd(v);
  return _mm256_add_ps(_mm256_castpd_ps(_mm512_maskz_extractf64x4_pd(0xff, pairs, 0)),
                       _mm256_castpd_ps(_mm512_maskz_extractf64x4_pd(0xff, pairs, 1)));
}

template <int kRows, int kQueries>
CLIP_AVX512_INLINE void dots_avx512_tile(const std::uint16_t* rows, const float* queries,
                                         std::int64_t stride, float* scores,
                                         std::int64_t score_stride) {
  __m512 sums[kRows * kQueries];
  CLIP_UNROLL for (int i = 0; i < kRows * kQueries; ++i) sums[i] = _mm512_setzero_ps();
  for (std::int64_t k = 0; k < stride; k += 16) {
    __m512 x[kRows];
    CLIP_UNROLL for (int r = 0; r < kRows; ++r) {
      if (kRows == 1) prefetch(rows + k);
      x[r] = load_halves_512(rows + r * stride + k);
    }
    CLIP_UNROLL for (int q = 0; q < kQueries; ++q) {
      const __m512 y = _mm512_loadu_ps(queries + q * stride + k);
      CLIP_UNROLL for (int r = 0; r < kRows; ++r) {
        sums[q * kRows + r] = _mm512_fmadd_ps(x[r], y, sums[q * kRows + r]);
      }
    }
  }
  CLIP_UNROLL for (int q = 0; q < kQueries; ++q) {
    __m256 eights[kRows];
    CLIP_UNROLL for (int r = 0; r < kRows; ++r) eights[r] = fold(sums[q * kRows + r]);
    if constexpr (kRows == 4) {
      __m128 s[4];
      CLIP_UNROLL for (int i = 0; i < 4; ++i) {
        s[i] = _mm_add_ps(_mm256_castps256_ps128(eights[i]), _mm256_extractf128_ps(eights[i], 1));
      }
      _MM_TRANSPOSE4_PS(s[0], s[1], s[2], s[3]);
      _mm_storeu_ps(scores + q * score_stride,
                    _mm_add_ps(_mm_add_ps(s[0], s[2]), _mm_add_ps(s[1], s[3])));
    } else {
      CLIP_UNROLL for (int r = 0; r < kRows; ++r) {
        __m128 sum =
            _mm_add_ps(_mm256_castps256_ps128(eights[r]), _mm256_extractf128_ps(eights[r], 1));
        sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
        scores[q * score_stride + r] = _mm_cvtss_f32(_mm_add_ss(sum, _mm_shuffle_ps(sum, sum, 1)));
      }
    }
  }
}

template <int kRows, int kQueries>
CLIP_AVX512_INLINE void dots_avx512_rows(const std::uint16_t* rows, std::int64_t row_count,
                                         const float* queries, std::int64_t stride, float* scores,
                                         std::int64_t score_stride) {
  std::int64_t r = 0;
  for (; r + kRows <= row_count; r += kRows) {
    dots_avx512_tile<kRows, kQueries>(rows + r * stride, queries, stride, scores + r, score_stride);
  }
  for (; r < row_count; ++r) {
    dots_avx512_tile<1, kQueries>(rows + r * stride, queries, stride, scores + r, score_stride);
  }
}

CLIP_AVX512 void dots_avx512(const std::uint16_t* rows, std::int64_t row_count,
                             const float* queries, std::int64_t query_count, std::int64_t stride,
                             float* scores, std::int64_t score_stride) {
  std::int64_t q = 0;
  for (; q + 4 <= query_count; q += 4) {
    dots_avx512_rows<4, 4>(rows, row_count, queries + q * stride, stride, scores + q * score_stride,
                           score_stride);
  }
  for (; q < query_count; ++q) {
    dots_avx512_rows<1, 1>(rows, row_count, queries + q * stride, stride, scores + q * score_stride,
                           score_stride);
  }
}

CLIP_AVX512 void widen_avx512(const std::uint16_t* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; i += 16) {
    _mm512_storeu_ps(to + i, load_halves_512(from + i));
  }
}

constexpr std::int64_t kAvx512Rows = 12, kAvx512Columns = 32;

CLIP_AVX512 bool tile_avx512(const float* rows, std::int64_t row_stride, const float* columns,
                             std::int64_t stride, float threshold, float* products) {
  __m512 sums[kAvx512Rows][2];
  CLIP_UNROLL for (int i = 0; i < kAvx512Rows; ++i) sums[i][0] = sums[i][1] = _mm512_setzero_ps();
  for (std::int64_t k = 0; k < stride; ++k) {
    const __m512 low = _mm512_loadu_ps(columns + k * kAvx512Columns);
    const __m512 high = _mm512_loadu_ps(columns + k * kAvx512Columns + 16);
    CLIP_UNROLL for (int i = 0; i < kAvx512Rows; ++i) {
      const __m512 x = _mm512_set1_ps(rows[i * row_stride + k]);
      sums[i][0] = _mm512_fmadd_ps(x, low, sums[i][0]);
      sums[i][1] = _mm512_fmadd_ps(x, high, sums[i][1]);
    }
  }
  const __m512 least = _mm512_set1_ps(threshold);
  unsigned any = 0;
  CLIP_UNROLL for (int i = 0; i < kAvx512Rows; ++i) {
    any |= _mm512_cmp_ps_mask(sums[i][0], least, _CMP_GE_OQ);
    any |= _mm512_cmp_ps_mask(sums[i][1], least, _CMP_GE_OQ);
    _mm512_storeu_ps(products + i * kAvx512Columns, sums[i][0]);
    _mm512_storeu_ps(products + i * kAvx512Columns + 16, sums[i][1]);
  }
  return any != 0;
}

bool runs_avx512() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
}

#endif

}  // namespace

const std::vector<ScanKernel>& scan_kernels() {
  static const std::vector<ScanKernel> kernels = [] {
    std::vector<ScanKernel> best_first;
#if defined(__x86_64__)
    best_first.push_back({"avx512", runs_avx512, dots_avx512, widen_avx512, kAvx512Rows,
                          kAvx512Columns, tile_avx512});
    best_first.push_back(
        {"avx2", runs_avx2, dots_avx2, widen_avx2, kAvx2Rows, kAvx2Columns, tile_avx2});
#endif
    best_first.push_back(
        {"plain", runs_everywhere, dots_plain, widen_plain, kPlainRows, kPlainColumns, tile_plain});
    return best_first;
  }();
  return kernels;
}

const ScanKernel& scan_kernel() {
  static const ScanKernel& chosen = []() -> const ScanKernel& {
    for (const ScanKernel& kernel : scan_kernels()) {
      if (kernel.runs_here()) return kernel;
    }
    return scan_kernels().back();
  }();
  return chosen;
}

}  // namespace clip
