/// \file
/// The precisions that towers compute in.
#pragma once

#include <optional>
#include <string_view>

namespace clip {

/// What a user asks towers to compute in.
enum class Precision {
  kFloat32,   ///< weights and activations in float32
  kBFloat16,  ///< both in bfloat16; sums, norms, softmax and the residual stream in float32
  kFloat16,   ///< the same in float16: on GPUs
  kInt8,  ///< products in int8, with scales of rows and outputs; the rest in bfloat16 or float32
};

const char* name_of(Precision precision);  ///< "fp32", "bf16", "fp16", "int8"
/// The precision of that name; nothing where there is none.
std::optional<Precision> precision_named(std::string_view name);

}  // namespace clip
