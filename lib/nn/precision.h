// The two precisions that the native towers compute in, and conversion between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace clip {

enum class Precision {
  kFloat32,   // weights and activations in float32
  kBFloat16,  // both in bfloat16; sums, norms, softmax and the residual stream in float32
};

inline std::int64_t size_of(Precision precision) {  // bytes an element
  return precision == Precision::kFloat32 ? 4 : 2;
}

// Rounds to the nearest, ties to even, as hardware does. NaN may become infinity: weights have been
// checked, and embeddings are checked at the end.
inline std::uint16_t bfloat16_from_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace clip
