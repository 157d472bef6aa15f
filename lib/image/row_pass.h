// The first pass of resample_smooth: each row, from the image's width to the columns wanted.
// Between resample.cpp and the processor-specific files only.
#pragma once

#include <cstdint>
#include <vector>

#include "clip/image.h"
#include "image/coefficients.h"

namespace clip {

struct RowPass {
  const Image& image;
  const Taps& taps;
  std::vector<std::int32_t> weights;  // of the taps, in fixed point
};

// A fixed-point sum as an 8-bit sample.
inline std::uint8_t clip8(std::int32_t sum) {
  const std::int32_t value = sum >> kWeightBits;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

// Rows [first, last) into `out`, [last - first, columns, channels].
void rows_portable(const RowPass& pass, std::int64_t first, std::int64_t last, std::uint8_t* out);

#if defined(__x86_64__)
// Needs AVX2, 3 or 4 channels, and windows of at most kMaxTapsAvx2.
constexpr std::int64_t kMaxTapsAvx2 = 4096;
void rows_avx2(const RowPass& pass, std::int64_t first, std::int64_t last, std::uint8_t* out);
#endif

}  // namespace clip
