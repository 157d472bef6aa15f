// The precisions that towers compute in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace clip {

enum class Precision {
  kFloat32,   // weights and activations in float32
  kBFloat16,  // both in bfloat16; sums, norms, softmax and the residual stream in float32
  kFloat16,   // the same in float16: on GPUs
};

const char* name_of(Precision precision);  // "fp32", "bf16", "fp16"
std::optional<Precision> precision_named(std::string_view name);

inline std::int64_t size_of(Precision precision) {  // bytes an element
  return precision == Precision::kFloat32 ? 4 : 2;
}

}  // namespace clip
