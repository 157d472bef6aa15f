// Vectors of numbers in GCC's and Clang's own notation, for kernels that are compiled once for each
// kind of processor and chosen when the program starts. Include in .cpp files only.
//
// A kernel is a template on its vectors, F: 16 floats where the processor has AVX-512, 8 elsewhere.
// GCC 12 keeps vectors that are wider than the registers in memory, which takes twice the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/half.h"

// Defines a function for each kind of processor: `head` is all of it but the body, and the body may
// use F. CLIP_CLONES, put before a function whose vectors do not depend on the processor, does the
// same.
#if defined(CLIP_CLONES)
// A test compiles the kernels for one kind alone.
#define CLIP_KERNEL(head, ...) \
  head {                       \
    using F = Float8x;         \
    __VA_ARGS__                \
  }
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLIP_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define CLIP_KERNEL(head, ...)                     \
  __attribute__((target("arch=x86-64-v4"))) head { \
    using F = Float16x;                            \
    __VA_ARGS__                                    \
  }                                                \
  __attribute__((target("arch=x86-64-v3"))) head { \
    using F = Float8x;                             \
    __VA_ARGS__                                    \
  }                                                \
  __attribute__((target("default"))) head {        \
    using F = Float8x;                             \
    __VA_ARGS__                                    \
  }
#else
#define CLIP_CLONES
#define CLIP_KERNEL(head, ...) \
  head {                       \
    using F = Float8x;         \
    __VA_ARGS__                \
  }
#endif
#define CLIP_INLINE __attribute__((always_inline)) inline

namespace clip {

// Lanes as float, signed, unsigned, 16-bit halves and bytes.
typedef float Float16x __attribute__((vector_size(64)));
typedef std::int32_t Int16x __attribute__((vector_size(64)));
typedef std::uint32_t UInt16x __attribute__((vector_size(64)));
typedef std::uint16_t Short16x __attribute__((vector_size(32)));
typedef std::uint8_t Byte16x __attribute__((vector_size(16)));
typedef float Float8x __attribute__((vector_size(32)));
typedef std::int32_t Int8x __attribute__((vector_size(32)));
typedef std::uint32_t UInt8x __attribute__((vector_size(32)));
typedef std::uint16_t Short8x __attribute__((vector_size(16)));
typedef std::uint8_t Byte8x __attribute__((vector_size(8)));

// The types that go with a vector of floats.
template <std::size_t kBytes>
struct WithVector;
template <>
struct WithVector<sizeof(Float16x)> {
  typedef Int16x Int;
  typedef UInt16x UInt;
  typedef Short16x Short;
  typedef Byte16x Byte;
};
template <>
struct WithVector<sizeof(Float8x)> {
  typedef Int8x Int;
  typedef UInt8x UInt;
  typedef Short8x Short;
  typedef Byte8x Byte;
};
template <typename F>
using IntOf = typename WithVector<sizeof(F)>::Int;
template <typename F>
using UIntOf = typename WithVector<sizeof(F)>::UInt;
template <typename F>
using ShortOf = typename WithVector<sizeof(F)>::Short;
template <typename F>
using ByteOf = typename WithVector<sizeof(F)>::Byte;

// What rows and columns have room for a multiple of, and the lanes of a vector.
constexpr std::int64_t kLanes = 16;
template <typename F>
constexpr std::int64_t kLanesOf = sizeof(F) / sizeof(float);

template <typename F>
CLIP_INLINE void load(const float* from, F* to) {
  std::memcpy(to, from, sizeof(*to));
}
template <typename F>
CLIP_INLINE void store(float* to, const F& from) {
  std::memcpy(to, &from, sizeof(from));
}

// bfloat16 is the upper half of float32.
template <typename F>
CLIP_INLINE void load(const std::uint16_t* from, F* to) {
  ShortOf<F> narrow;
  std::memcpy(&narrow, from, sizeof(narrow));
  const UIntOf<F> wide = __builtin_convertvector(narrow, UIntOf<F>) << 16;
  std::memcpy(to, &wide, sizeof(wide));
}
template <typename F>
CLIP_INLINE void store(std::uint16_t* to, const F& from) {
  UIntOf<F> bits;
  std::memcpy(&bits, &from, sizeof(bits));
  bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // to the nearest, ties to even
  const ShortOf<F> narrow = __builtin_convertvector(bits, ShortOf<F>);
  std::memcpy(to, &narrow, sizeof(narrow));
}

// One number of either type.
CLIP_INLINE float to_float(float value) {
  return value;
}
CLIP_INLINE float to_float(std::uint16_t value) {
  return float_from_bfloat16(value);
}

// bfloat16 of numbers that are not negative, in half the time: ties go up.
template <typename F>
CLIP_INLINE void store_positive(std::uint16_t* to, const F& from) {
  UIntOf<F> bits;
  std::memcpy(&bits, &from, sizeof(bits));
  const ShortOf<F> narrow = __builtin_convertvector((bits + 0x8000) >> 16, ShortOf<F>);
  std::memcpy(to, &narrow, sizeof(narrow));
}

// int8 as Rows::u8 has it: a number of [-127, 127] to the nearest, ties to even, with 128 added.
constexpr float kInt8Steps = 127;
template <typename F>
CLIP_INLINE void store_int8(std::uint8_t* to, const F& from) {
  const F shifted = from + (12582912.0F + 128.0F);  // 1.5 x 2^23: units are the lowest bits
  UIntOf<F> bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const ByteOf<F> narrow = __builtin_convertvector(bits & 0xff, ByteOf<F>);
  std::memcpy(to, &narrow, sizeof(narrow));
}
// What numbers are multiplied with, so that the largest magnitude becomes 127; 0 where that is next
// to nothing.
CLIP_INLINE float inverse_step(float max) {
  return max > 1e-30F ? kInt8Steps / max : 0.0F;
}

// The bits of |x|, which are ordered as the magnitudes are; NaN comes last.
template <typename F>
CLIP_INLINE void magnitude_bits(const F& x, UIntOf<F>* bits) {
  std::memcpy(bits, &x, sizeof(x));
  *bits &= 0x7fffffff;
}

template <typename F>
CLIP_INLINE float sum_of(const F& v) {
  float lanes[kLanesOf<F>];
  std::memcpy(lanes, &v, sizeof(v));
  for (int width = kLanesOf<F> / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

template <typename F>
CLIP_INLINE float max_of(const F& v) {
  float lanes[kLanesOf<F>];
  std::memcpy(lanes, &v, sizeof(v));
  for (int width = kLanesOf<F> / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) {
      lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    }
  }
  return lanes[0];
}

// e^x for x <= 0, to 2 units in the last place; 0 below -87. x = n ln 2 + r with |r| <= ln 2 / 2,
// then e^r by its Taylor polynomial of degree 7 and 2^n by the exponent's bits.
template <typename F>
CLIP_INLINE void exp_of(const F& x, F* result) {
  constexpr float kLog2e = 1.44269504F, kRounder = 12582912.0F;  // 1.5 x 2^23
  constexpr float kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  const F shifted = x * kLog2e + kRounder;  // n in the low bits
  const F n = shifted - kRounder;
  const F r = x - n * kLn2High - n * kLn2Low;
  F p = r * (1.0F / 5040) + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  UIntOf<F> exponent, bits;  // unsigned: what overflows far below zero is not kept
  std::memcpy(&exponent, &shifted, sizeof(exponent));
  std::memcpy(&bits, &p, sizeof(bits));
  bits += exponent << 23;
  const IntOf<F> keep = x > -87.0F;  // all bits set, or none
  bits &= (UIntOf<F>)keep;           // GCC converts vectors of equal size bit by bit
  std::memcpy(result, &bits, sizeof(bits));
}

// 2^x for x <= 0, to 1e-4 of it, for what is rounded to bfloat16 next; 2^-125 below that. x = n + f
// with |f| <= 1/2: 2^f by the cubic of least relative error, and 2^n by the exponent's bits.
template <typename F>
CLIP_INLINE void exp2_roughly(const F& x, F* result) {
  constexpr float kRounder = 12582912.0F, kMin = -125.0F;  // smaller ones would be slow to add
  const F min = F{} + kMin;
  const F clamped = x > min ? x : min;
  const F shifted = clamped + kRounder;  // n in the low bits
  const F f = clamped - (shifted - kRounder);
  F p = f * 0.05517167F + 0.24261113F;
  p = p * f + 0.69326097F;
  p = p * f + 0.99992806F;
  UIntOf<F> exponent, bits;
  std::memcpy(&exponent, &shifted, sizeof(exponent));
  std::memcpy(&bits, &p, sizeof(bits));
  bits += exponent << 23;
  std::memcpy(result, &bits, sizeof(bits));
}

}  // namespace clip
