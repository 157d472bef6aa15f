// What numbers are stored as, which is apart from what a user asks for (clip/precision.h): the
// weights of a layer may be of another type than the activations that it reads.
#pragma once

#include <cstdint>

namespace clip {

enum class ElementType {
  kFloat32,
  kBFloat16,
  kInt8,  // weights: with a scale for each output; activations: with a scale for each row
};

inline std::int64_t size_of(ElementType type) {  // bytes an element
  switch (type) {
    case ElementType::kFloat32:
      return 4;
    case ElementType::kBFloat16:
      return 2;
    case ElementType::kInt8:
      break;
  }
  return 1;
}

// What the layers of a tower are made of. Where the weights are in int8, each row of activations is
// rounded to int8 right before a product; what lies between products is of the type `activations`.
struct LayerTypes {
  ElementType weights = ElementType::kFloat32;
  ElementType activations = ElementType::kFloat32;  // float32 or bfloat16

  bool operator==(const LayerTypes& other) const {
    return weights == other.weights && activations == other.activations;
  }
  bool operator!=(const LayerTypes& other) const { return !(*this == other); }
};

constexpr LayerTypes kAllFloat32 = {ElementType::kFloat32, ElementType::kFloat32};
constexpr LayerTypes kAllBFloat16 = {ElementType::kBFloat16, ElementType::kBFloat16};

}  // namespace clip
