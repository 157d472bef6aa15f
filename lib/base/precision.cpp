#include "clip/precision.h"

namespace clip {

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::kBFloat16:
      return "bf16";
    case Precision::kFloat16:
      return "fp16";
    case Precision::kInt8:
      return "int8";
    case Precision::kFloat32:
      break;
  }
  return "fp32";
}

std::optional<Precision> precision_named(std::string_view name) {
  for (const Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kFloat16, Precision::kInt8}) {
    if (name == name_of(precision)) return precision;
  }
  return std::nullopt;
}

}  // namespace clip
