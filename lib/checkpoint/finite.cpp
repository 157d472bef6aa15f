#include "checkpoint/finite.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/half.h"
#include "base/mapped_file.h"

namespace clip {
namespace {

struct Found {
  bool nan = false, infinity = false;
};

// Of numbers whose sign is the highest bit and whose exponent's bits, all set, are `Infinity`.
// Without a branch, so that the compiler vectorises it.
template <typename Bits, Bits Infinity>
Found find(const std::byte* data, std::int64_t count) {
  constexpr Bits kMagnitude = static_cast<Bits>(~Bits{0}) >> 1;
  Bits nan = 0, infinity = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const Bits bits =
        load_unaligned<Bits>(data + i * static_cast<std::int64_t>(sizeof(Bits))) & kMagnitude;
    nan |= static_cast<Bits>(bits > Infinity);
    infinity |= static_cast<Bits>(bits == Infinity);
  }
  return {nan != 0, infinity != 0};
}

Found find(const Tensor& tensor) {
  // What lies between the elements of a view belongs to another one.
  const std::int64_t count = std::max<std::int64_t>(extent(tensor.shape, tensor.strides), 0);
  switch (tensor.type) {
    case TensorType::kFloat32:
      return find<std::uint32_t, 0x7f800000>(tensor.data, count);
    case TensorType::kFloat16:
      return find<std::uint16_t, 0x7c00>(tensor.data, count);
    case TensorType::kBFloat16:
      return find<std::uint16_t, 0x7f80>(tensor.data, count);
    case TensorType::kFloat64:
      return find<std::uint64_t, 0x7ff0000000000000>(tensor.data, count);
    default:
      return {};
  }
}

}  // namespace

std::vector<NotFinite> tensors_not_finite(const Checkpoint& checkpoint) {
  std::vector<NotFinite> found;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    const Found in = find(tensor);
    const bool is_mask = name.find("mask") != std::string::npos;
    if (in.nan || (in.infinity && !is_mask)) found.push_back({name, in.nan});
  }
  for (const auto& file : checkpoint.files()) release_pages(file->data(), file->size());
  return found;
}

}  // namespace clip
