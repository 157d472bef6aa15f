#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/half.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "clip/error.h"

namespace clip {

const Tensor* Checkpoint::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

void Checkpoint::add_document(const std::string& name, std::string text) {
  texts_.push_back(std::move(text));
  documents_[name] = texts_.back();
}

std::string Checkpoint::sample_digest() const {
  constexpr std::int64_t kSmall = 64 << 10, kPieces = 8, kPiece = 512;
  Sha256 hash;
  for (const auto& [name, tensor] : tensors_) {
    const std::string line = fmt::format("{}\n{} {} {}\n", name, name_of(tensor.type),
                                         to_string(tensor.shape), to_string(tensor.strides));
    hash.add(line.data(), line.size());
    const std::int64_t size = std::max<std::int64_t>(extent(tensor.shape, tensor.strides), 0) *
                              static_cast<std::int64_t>(size_of(tensor.type));
    if (size <= kSmall) {
      hash.add(tensor.data, static_cast<std::size_t>(size));
      continue;
    }
    for (std::int64_t i = 0; i < kPieces; ++i) {
      hash.add(tensor.data + (size - kPiece) * i / (kPieces - 1), kPiece);
    }
  }
  for (const auto& file : files_) release_pages(file->data(), file->size());
  return hash.finish();
}

double Checkpoint::scalar(const std::string& name) const {
  const Tensor* tensor = find(name);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} lacks the weight {}", path(), name));
  }
  if (element_count(tensor->shape) != 1) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{}: {} has shape {}, expected a single number",
                                                 path(), name, to_string(tensor->shape)));
  }
  switch (tensor->type) {
    case TensorType::kFloat32:
    case TensorType::kFloat16:
    case TensorType::kBFloat16:
      return element(*tensor, 0);
    case TensorType::kFloat64:
      return load_unaligned<double>(tensor->data);
    case TensorType::kInt64:
      return static_cast<double>(load_unaligned<std::int64_t>(tensor->data));
    case TensorType::kInt32:
      return load_unaligned<std::int32_t>(tensor->data);
    default:
      throw Error(ErrorCode::kCorrupt, fmt::format("{}: {} has type {}, expected a number", path(),
                                                   name, name_of(tensor->type)));
  }
}

std::int64_t Checkpoint::integer(const std::string& name) const {
  const double value = scalar(name);
  if (!(value >= 0 && value <= std::numeric_limits<std::int32_t>::max())) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: {} is {}, expected a size", path(), name, value));
  }
  return static_cast<std::int64_t>(value);
}

std::int64_t Checkpoint::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors_) {
    const bool statistic = ends_with(name, "running_mean") || ends_with(name, "running_var");
    if (is_floating_point(tensor.type) && !statistic) count += element_count(tensor.shape);
  }
  return count;
}

}  // namespace clip
