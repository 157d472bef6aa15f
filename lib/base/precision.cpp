#include "clip/precision.h"

namespace clip {

const char* name_of(Precision precision) {
  return precision == Precision::kFloat32 ? "fp32" : "bf16";
}

std::optional<Precision> precision_named(std::string_view name) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    if (name == name_of(precision)) return precision;
  }
  return std::nullopt;
}

}  // namespace clip
