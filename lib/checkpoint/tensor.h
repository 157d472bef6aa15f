// A tensor in a checkpoint: a view of its numbers where they lie in the mapped file, with any
// strides. Valid as long as the checkpoint. Slices and transposes are views, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace clip {

enum class TensorType {
  kFloat32,
  kFloat16,
  kBFloat16,
  kFloat64,
  kInt64,
  kInt32,
  kInt16,
  kInt8,
  kUInt8,
  kBool
};

const char* name_of(TensorType type);  // as PyTorch spells it: "float16"
std::size_t size_of(TensorType type);  // bytes an element
bool is_floating_point(TensorType type);

using Shape = std::vector<std::int64_t>;

std::string to_string(const Shape& shape);  // "[768, 3, 32, 32]"
std::int64_t element_count(const Shape& shape);

struct Tensor {
  TensorType type = TensorType::kFloat32;
  Shape shape;
  Shape strides;                    // elements
  const std::byte* data = nullptr;  // the first element; unaligned where the file has it so
  bool mapped = true;               // it lies in a mapped file: pages can be given back

  bool contiguous() const;

  // The elements [first, first + count) of the first axis.
  Tensor rows(std::int64_t first, std::int64_t count) const;
  // With its two axes exchanged.
  Tensor transposed() const;
};

// Elements from the first to one past the last that a tensor touches, or -1 where that overflows or
// there are more than 2^40.
std::int64_t extent(const Shape& shape, const Shape& strides);

// One element, by its distance from the first, as a number. Floating-point types only.
float element(const Tensor& tensor, std::int64_t at);

}  // namespace clip
