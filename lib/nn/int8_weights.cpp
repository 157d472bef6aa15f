#include "nn/int8_weights.h"

#include <algorithm>
#include <cmath>

#include "nn/simd.h"

namespace clip {
namespace {

typedef std::uint64_t Long8x __attribute__((vector_size(64)));

// The largest magnitude, or the largest sum of two neighbours' magnitudes.
template <bool kPairs>
CLIP_INLINE float max_magnitude(const float* weights, std::int64_t count) {
  Float16x v;
  UInt16x bits, largest = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    load(weights + i, &v);
    magnitude_bits(v, &bits);
    if constexpr (kPairs) {
      Long8x both;
      std::memcpy(&both, &bits, sizeof(both));
      const Long8x even = both & 0xffffffff, odd = both >> 32;  // each beside a zero
      Float16x a, b;
      std::memcpy(&a, &even, sizeof(a));
      std::memcpy(&b, &odd, sizeof(b));
      const Float16x sums = a + b;
      std::memcpy(&bits, &sums, sizeof(bits));
    }
    largest = bits > largest ? bits : largest;  // as the numbers, which are not negative
  }
  Float16x all;
  std::memcpy(&all, &largest, sizeof(all));
  float max = max_of(all);
  for (; i < count; ++i) {
    float magnitude = std::abs(weights[i]);
    if (kPairs && i % 2 == 0 && i + 1 < count) magnitude += std::abs(weights[i + 1]);
    max = std::max(max, magnitude);
  }
  return max;
}

// 16 weights; `sums` gets theirs added.
CLIP_INLINE void round_16(const float* weights, float inverse, std::int8_t* out, Int16x* sums) {
  Float16x v;
  load(weights, &v);
  const Float16x shifted = v * inverse + 12582912.0F;  // 1.5 x 2^23: units are the lowest bits
  UInt16x bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const Byte16x narrow = __builtin_convertvector(bits & 0xff, Byte16x);
  std::memcpy(out, &narrow, sizeof(narrow));
  const UInt16x high = bits << 24;
  Int16x whole;
  std::memcpy(&whole, &high, sizeof(whole));
  *sums += whole >> 24;  // with their signs
}

template <bool kPairs>
CLIP_INLINE void quantize(const float* weights, std::int64_t inputs, std::int8_t* out, float* scale,
                          std::int32_t* sum) {
  const float max = max_magnitude<kPairs>(weights, inputs);
  const float inverse = inverse_step(max);
  *scale = max / kInt8Steps;
  Int16x sums = {};
  std::int64_t i = 0;
  for (; i + kLanes <= inputs; i += kLanes) round_16(weights + i, inverse, out + i, &sums);
  if (i < inputs) {
    float rest[kLanes] = {};
    std::int8_t rounded[kLanes];
    std::copy_n(weights + i, inputs - i, rest);
    round_16(rest, inverse, rounded, &sums);
    std::copy_n(rounded, inputs - i, out + i);
  }
  *sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) *sum += sums[lane];
}

CLIP_CLONES void quantize_wide(const float* weights, std::int64_t inputs, std::int8_t* out,
                               float* scale, std::int32_t* sum) {
  quantize<false>(weights, inputs, out, scale, sum);
}
CLIP_CLONES void quantize_pairs(const float* weights, std::int64_t inputs, std::int8_t* out,
                                float* scale, std::int32_t* sum) {
  quantize<true>(weights, inputs, out, scale, sum);
}

}  // namespace

void quantize_weights(const float* weights, std::int64_t inputs, bool wide_sums, std::int8_t* out,
                      float* scale, std::int32_t* sum) {
  if (wide_sums) {
    quantize_wide(weights, inputs, out, scale, sum);
  } else {
    quantize_pairs(weights, inputs, out, scale, sum);
  }
}

}  // namespace clip
