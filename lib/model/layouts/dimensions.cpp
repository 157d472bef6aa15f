#include "model/layouts/dimensions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

// No CLIP comes near; a hostile file's layer numbers must not be counted for ever.
constexpr std::int64_t kMaxLayers = 1000;

}  // namespace

std::int64_t dimension(const Checkpoint& checkpoint, const std::string& name, std::size_t axis,
                       std::size_t rank, const char* shape) {
  const Tensor* tensor = checkpoint.find(name);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} lacks the weight {}, expected with shape {}",
                                                 checkpoint.path(), name, shape));
  }
  if (tensor->shape.size() != rank || element_count(tensor->shape) == 0) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: weight {} has shape {}, expected {}", checkpoint.path(), name,
                            to_string(tensor->shape), shape));
  }
  return tensor->shape[axis];
}

std::int64_t count_layers(const Checkpoint& checkpoint, const std::string& prefix) {
  std::int64_t layers = 0;
  const auto& tensors = checkpoint.tensors();
  for (auto at = tensors.lower_bound(prefix); at != tensors.end() && starts_with(at->first, prefix);
       ++at) {
    layers = std::max<std::int64_t>(layers, std::atoll(at->first.c_str() + prefix.size()) + 1);
  }
  if (layers > kMaxLayers) {
    throw Error(ErrorCode::kLimit,
                fmt::format("{} numbers its layers up to {}{}, expected at most {} layers",
                            checkpoint.path(), prefix, layers - 1, kMaxLayers));
  }
  return layers;
}

std::int64_t grid_side(const Checkpoint& checkpoint, const std::string& name) {
  const std::int64_t rows = dimension(checkpoint, name, 0, 2, "[grid x grid + 1, width]");
  const auto side = static_cast<std::int64_t>(std::llround(std::sqrt(double(rows - 1))));
  if (side < 1 || side * side + 1 != rows) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: weight {} has {} rows, expected a square number and one",
                            checkpoint.path(), name, rows));
  }
  return side;
}

}  // namespace clip
