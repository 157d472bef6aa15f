// The two 16-bit floating-point formats, as bit patterns, to and from float.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace clip {

// IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits.
inline float float_from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 0x1f;
  const int mantissa = bits & 0x3ff;
  float value;
  if (exponent == 0x1f) {
    value = mantissa != 0 ? std::numeric_limits<float>::quiet_NaN()
                          : std::numeric_limits<float>::infinity();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    value = std::ldexp(static_cast<float>(mantissa | 0x400), exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

// Rounds to the nearest, ties to even, as hardware does; what is too large becomes infinity.
inline std::uint16_t half_from_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;   // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // 65520 and more
  if (magnitude < 0x38800000) {                       // subnormal: a multiple of 2^-24
    float scaled;
    std::memcpy(&scaled, &magnitude, sizeof(scaled));
    return sign | static_cast<std::uint16_t>(std::nearbyint(std::ldexp(scaled, 24)));
  }
  const std::uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return sign | static_cast<std::uint16_t>((rounded - (std::uint32_t{112} << 23)) >> 13);
}

// bfloat16: the upper half of a binary32.
__attribute__((always_inline)) inline float float_from_bfloat16(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

// Rounds to the nearest, ties to even, as hardware does. NaN may become infinity: weights have been
// checked, and embeddings are checked at the end.
__attribute__((always_inline)) inline std::uint16_t bfloat16_from_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// A number of any type at an address that need not be aligned to it.
template <typename T>
T load_unaligned(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

}  // namespace clip
