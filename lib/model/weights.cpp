#include "model/weights.h"

#include <fmt/format.h>

#include "clip/error.h"

namespace clip {

const Weight* Weights::find(const std::string& name) const {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : &found->second;
}

const Weight& Weights::at(const std::string& name) const {
  const Weight* weight = find(name);
  if (weight != nullptr) return *weight;
  throw Error(ErrorCode::kNotFound, fmt::format("{} lacks the weight {}", path_, name));
}

}  // namespace clip
