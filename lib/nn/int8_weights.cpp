#include "nn/int8_weights.h"

#include <algorithm>
#include <cmath>

#include "nn/simd.h"

namespace clip {
namespace {

// The largest magnitude, or the largest sum of two neighbours' magnitudes.
template <typename F, bool kPairs>
CLIP_INLINE float max_magnitude(const float* weights, std::int64_t count) {
  // As many bytes in lanes of 64 bits.
  typedef std::uint64_t Long __attribute__((vector_size(sizeof(F))));
  F v;
  UIntOf<F> bits, largest = {};
  std::int64_t i = 0;
  for (; i + kLanesOf<F> <= count; i += kLanesOf<F>) {
    load(weights + i, &v);
    magnitude_bits(v, &bits);
    if constexpr (kPairs) {
      Long both;
      std::memcpy(&both, &bits, sizeof(both));
      const Long even = both & 0xffffffff, odd = both >> 32;  // each beside a zero
      F a, b;
      std::memcpy(&a, &even, sizeof(a));
      std::memcpy(&b, &odd, sizeof(b));
      const F sums = a + b;
      std::memcpy(&bits, &sums, sizeof(bits));
    }
    largest = bits > largest ? bits : largest;  // as the numbers, which are not negative
  }
  F all;
  std::memcpy(&all, &largest, sizeof(all));
  float max = max_of(all);
  for (; i < count; ++i) {
    float magnitude = std::abs(weights[i]);
    if (kPairs && i % 2 == 0 && i + 1 < count) magnitude += std::abs(weights[i + 1]);
    max = std::max(max, magnitude);
  }
  return max;
}

// The weights of a vector; `sums` gets theirs added.
template <typename F>
CLIP_INLINE void round_some(const float* weights, float inverse, std::int8_t* out, IntOf<F>* sums) {
  F v;
  load(weights, &v);
  const F shifted = v * inverse + 12582912.0F;  // 1.5 x 2^23: units are the lowest bits
  UIntOf<F> bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const ByteOf<F> narrow = __builtin_convertvector(bits & 0xff, ByteOf<F>);
  std::memcpy(out, &narrow, sizeof(narrow));
  const UIntOf<F> high = bits << 24;
  IntOf<F> whole;
  std::memcpy(&whole, &high, sizeof(whole));
  *sums += whole >> 24;  // with their signs
}

template <typename F, bool kPairs>
CLIP_INLINE void quantize(const float* weights, std::int64_t inputs, std::int8_t* out, float* scale,
                          std::int32_t* sum) {
  constexpr std::int64_t kCount = kLanesOf<F>;
  const float max = max_magnitude<F, kPairs>(weights, inputs);
  const float inverse = inverse_step(max);
  *scale = max / kInt8Steps;
  IntOf<F> sums = {};
  std::int64_t i = 0;
  for (; i + kCount <= inputs; i += kCount) round_some<F>(weights + i, inverse, out + i, &sums);
  if (i < inputs) {
    float rest[kCount] = {};
    std::int8_t rounded[kCount];
    std::copy_n(weights + i, inputs - i, rest);
    round_some<F>(rest, inverse, rounded, &sums);
    std::copy_n(rounded, inputs - i, out + i);
  }
  *sum = 0;
  for (int lane = 0; lane < kCount; ++lane) *sum += sums[lane];
}

CLIP_KERNEL(void quantize_wide(const float* weights, std::int64_t inputs, std::int8_t* out,
                               float* scale, std::int32_t* sum),
            quantize<F, false>(weights, inputs, out, scale, sum);)
CLIP_KERNEL(void quantize_pairs(const float* weights, std::int64_t inputs, std::int8_t* out,
                                float* scale, std::int32_t* sum),
            quantize<F, true>(weights, inputs, out, scale, sum);)

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
