#include "checkpoint/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/half.h"

namespace clip {
namespace {

struct TypeInfo {
  TensorType type;
  const char* name;
  std::size_t size;
};

constexpr TypeInfo kTypes[] = {
    {TensorType::kFloat32, "float32", 4},   {TensorType::kFloat16, "float16", 2},
    {TensorType::kBFloat16, "bfloat16", 2}, {TensorType::kFloat64, "float64", 8},
    {TensorType::kInt64, "int64", 8},       {TensorType::kInt32, "int32", 4},
    {TensorType::kInt16, "int16", 2},       {TensorType::kInt8, "int8", 1},
    {TensorType::kUInt8, "uint8", 1},       {TensorType::kBool, "bool", 1},
};

// No tensor of a model comes near, and 100,000 of them can be counted. A storage of one element may
// claim to be as many, by strides of 0.
constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

}  // namespace

const char* name_of(TensorType type) {
  return kTypes[static_cast<int>(type)].name;
}
std::size_t size_of(TensorType type) {
  return kTypes[static_cast<int>(type)].size;
}
bool is_floating_point(TensorType type) {
  return type <= TensorType::kFloat64;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return count;
}

bool Tensor::contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

Tensor Tensor::rows(std::int64_t first, std::int64_t count) const {
  Tensor part = *this;
  part.shape[0] = count;
  part.data += first * strides[0] * static_cast<std::int64_t>(size_of(type));
  return part;
}

Tensor Tensor::transposed() const {
  Tensor other = *this;
  std::swap(other.shape[0], other.shape[1]);
  std::swap(other.strides[0], other.strides[1]);
  return other;
}

std::int64_t extent(const Shape& shape, const Shape& strides) {
  std::int64_t end = 1, elements = 1;
  bool empty = false;
  for (const std::int64_t size : shape) {
    empty = empty || size == 0;
    // A size of 0 hides no others: who multiplies them may begin at any end.
    if (__builtin_mul_overflow(elements, std::max<std::int64_t>(size, 1), &elements) ||
        elements > kMaxElements) {
      return -1;
    }
  }
  if (empty) return 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::int64_t step = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) ||
        __builtin_add_overflow(end, step, &end)) {
      return -1;
    }
  }
  return end;
}

float element(const Tensor& tensor, std::int64_t at) {
  const std::byte* data = tensor.data + at * static_cast<std::int64_t>(size_of(tensor.type));
  switch (tensor.type) {
    case TensorType::kFloat16:
      return float_from_half(load_unaligned<std::uint16_t>(data));
    case TensorType::kBFloat16:
      return float_from_bfloat16(load_unaligned<std::uint16_t>(data));
    case TensorType::kFloat64:
      return static_cast<float>(load_unaligned<double>(data));
    default:
      return load_unaligned<float>(data);
  }
}

}  // namespace clip
