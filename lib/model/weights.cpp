#include "model/weights.h"

#include <fmt/format.h>

#include "clip/error.h"

namespace clip {

const Weight* Weights::find(const std::string& name) const {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : &found->second;
}

void Weights::add_own(const std::string& name, std::vector<float> values, const Shape& shape,
                      const std::string& stored) {
  own_.push_back(std::move(values));
  Weight& weight = weights_[name];
  weight.stored = stored;
  weight.tensor.shape = shape;
  weight.tensor.strides.assign(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) {
    weight.tensor.strides[i - 1] = weight.tensor.strides[i] * shape[i];
  }
  weight.tensor.data = reinterpret_cast<const std::byte*>(own_.back().data());
  weight.tensor.mapped = false;
}

const Weight& Weights::at(const std::string& name) const {
  const Weight* weight = find(name);
  if (weight != nullptr) return *weight;
  throw Error(ErrorCode::kNotFound, fmt::format("{} lacks the weight {}", path_, name));
}

}  // namespace clip
