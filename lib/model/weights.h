// The tensors of a TorchScript archive by their full name ("visual.conv1.weight"), read from the
// pickle and the storages alone: no code of the file is compiled or run. Data are views into the
// mapped file and valid as long as the file is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/archive.h"

namespace clip {

enum class WeightType {
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

const char* name_of(WeightType type);  // as PyTorch spells it: "float16"
std::size_t size_of(WeightType type);  // bytes an element
bool is_floating_point(WeightType type);

using Shape = std::vector<std::int64_t>;

std::string to_string(const Shape& shape);  // "[768, 3, 32, 32]"
std::int64_t element_count(const Shape& shape);

struct Weight {
  WeightType type = WeightType::kFloat32;
  Shape shape;
  Shape strides;                    // elements
  const std::byte* data = nullptr;  // the first element; may be unaligned only in foreign archives
  bool contiguous() const;
};

class Weights {
 public:
  // Walks the module tree in data.pkl. Throws Error when the pickle is not a module's, or when a
  // tensor claims more data than its storage has.
  explicit Weights(const Archive& archive);

  const std::string& path() const { return path_; }
  const std::map<std::string, Weight>& all() const { return weights_; }

  const Weight* find(const std::string& name) const;  // null when there is none

  // The value of a 0-dimensional tensor, converted; throws Error when it is missing or not one.
  double scalar(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;

  // Elements of all floating-point tensors but BatchNorm's running statistics, as PyTorch counts.
  std::int64_t parameter_count() const;

  // Throws Error naming the first weight that holds a NaN. Reads every byte once.
  void check_numbers() const;

 private:
  std::string path_;
  std::map<std::string, Weight> weights_;
};

}  // namespace clip
