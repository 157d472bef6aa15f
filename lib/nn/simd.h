// Vectors of 16 numbers in GCC's and Clang's own notation, for kernels that are compiled once for
// each kind of processor and chosen when the program starts. Include in .cpp files only.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/half.h"

// Put before a function: one clone for AVX-512, one for AVX2, one for any x86-64.
#if defined(CLIP_CLONES)
// A test compiles the kernels for one kind alone.
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CLIP_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLIP_CLONES
#endif
#define CLIP_INLINE __attribute__((always_inline)) inline

namespace clip {

// 16 lanes as float, signed, unsigned, and 16-bit halves.
typedef float Float16x __attribute__((vector_size(64)));
typedef std::int32_t Int16x __attribute__((vector_size(64)));
typedef std::uint32_t UInt16x __attribute__((vector_size(64)));
typedef std::uint16_t Short16x __attribute__((vector_size(32)));
typedef std::uint8_t Byte16x __attribute__((vector_size(16)));

constexpr std::int64_t kLanes = 16;

CLIP_INLINE void load(const float* from, Float16x* to) {
  std::memcpy(to, from, sizeof(*to));
}
CLIP_INLINE void store(float* to, const Float16x& from) {
  std::memcpy(to, &from, sizeof(from));
}

// bfloat16 is the upper half of float32.
CLIP_INLINE void load(const std::uint16_t* from, Float16x* to) {
  Short16x narrow;
  std::memcpy(&narrow, from, sizeof(narrow));
  const UInt16x wide = __builtin_convertvector(narrow, UInt16x) << 16;
  std::memcpy(to, &wide, sizeof(wide));
}
CLIP_INLINE void store(std::uint16_t* to, const Float16x& from) {
  UInt16x bits;
  std::memcpy(&bits, &from, sizeof(bits));
  bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // to the nearest, ties to even
  const Short16x narrow = __builtin_convertvector(bits, Short16x);
  std::memcpy(to, &narrow, sizeof(narrow));
}

// One number of either type.
CLIP_INLINE float to_float(float value) {
  return value;
}
CLIP_INLINE float to_float(std::uint16_t value) {
  return float_from_bfloat16(value);
}

// The same for numbers that are not negative, in half the time: ties go up.
CLIP_INLINE void store_positive(std::uint16_t* to, const Float16x& from) {
  UInt16x bits;
  std::memcpy(&bits, &from, sizeof(bits));
  const Short16x narrow = __builtin_convertvector((bits + 0x8000) >> 16, Short16x);
  std::memcpy(to, &narrow, sizeof(narrow));
}

// int8 as Rows::u8 has it: a number of [-127, 127] to the nearest, ties to even, with 128 added.
constexpr float kInt8Steps = 127;
CLIP_INLINE void store_int8(std::uint8_t* to, const Float16x& from) {
  const Float16x shifted = from + (12582912.0F + 128.0F);  // 1.5 x 2^23: units are the lowest bits
  UInt16x bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  const Byte16x narrow = __builtin_convertvector(bits & 0xff, Byte16x);
  std::memcpy(to, &narrow, sizeof(narrow));
}
// What numbers are multiplied with, so that the largest magnitude becomes 127; 0 where that is next
// to nothing.
CLIP_INLINE float inverse_step(float max) {
  return max > 1e-30F ? kInt8Steps / max : 0.0F;
}

// The bits of |x|, which are ordered as the magnitudes are; NaN comes last.
CLIP_INLINE void magnitude_bits(const Float16x& x, UInt16x* bits) {
  std::memcpy(bits, &x, sizeof(x));
  *bits &= 0x7fffffff;
}

CLIP_INLINE float sum_of(const Float16x& v) {
  float lanes[16];
  std::memcpy(lanes, &v, sizeof(v));
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

CLIP_INLINE float max_of(const Float16x& v) {
  float lanes[16];
  std::memcpy(lanes, &v, sizeof(v));
  for (int width = 8; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) {
      lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
    }
  }
  return lanes[0];
}

// e^x for x <= 0, to 2 units in the last place; 0 below -87. x = n ln 2 + r with |r| <= ln 2 / 2,
// then e^r by its Taylor polynomial of degree 7 and 2^n by the exponent's bits.
CLIP_INLINE void exp_of(const Float16x& x, Float16x* result) {
  constexpr float kLog2e = 1.44269504F, kRounder = 12582912.0F;  // 1.5 x 2^23
  constexpr float kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  const Float16x shifted = x * kLog2e + kRounder;  // n in the low bits
  const Float16x n = shifted - kRounder;
  const Float16x r = x - n * kLn2High - n * kLn2Low;
  Float16x p = r * (1.0F / 5040) + 1.0F / 720;
  p = p * r + 1.0F / 120;
  p = p * r + 1.0F / 24;
  p = p * r + 1.0F / 6;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  UInt16x exponent, bits;  // unsigned: what overflows far below zero is not kept
  std::memcpy(&exponent, &shifted, sizeof(exponent));
  std::memcpy(&bits, &p, sizeof(bits));
  bits += exponent << 23;
  const Int16x keep = x > -87.0F;  // all bits set, or none
  bits &= (UInt16x)keep;           // GCC converts vectors of equal size bit by bit
  std::memcpy(result, &bits, sizeof(bits));
}

// 2^x for x <= 0, to 1e-4 of it, for what is rounded to bfloat16 next; 2^-125 below that. x = n + f
// with |f| <= 1/2: 2^f by the cubic of least relative error, and 2^n by the exponent's bits.
CLIP_INLINE void exp2_roughly(const Float16x& x, Float16x* result) {
  constexpr float kRounder = 12582912.0F, kMin = -125.0F;  // smaller ones would be slow to add
  const Float16x min = Float16x{} + kMin;
  const Float16x clamped = x > min ? x : min;
  const Float16x shifted = clamped + kRounder;  // n in the low bits
  const Float16x f = clamped - (shifted - kRounder);
  Float16x p = f * 0.05517167F + 0.24261113F;
  p = p * f + 0.69326097F;
  p = p * f + 0.99992806F;
  UInt16x exponent, bits;
  std::memcpy(&exponent, &shifted, sizeof(exponent));
  std::memcpy(&bits, &p, sizeof(bits));
  bits += exponent << 23;
  std::memcpy(result, &bits, sizeof(bits));
}

}  // namespace clip
