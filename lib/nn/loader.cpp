#include "nn/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "error.h"
#include "model/float16.h"
#include "nn/parallel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace clip {
namespace {

template <typename T>
T load_as(const std::byte* data) {
  T value;
  std::memcpy(&value, data, sizeof(value));
  return value;
}

// Fits every vector type; the rest of a range is converted one by one.
void half_to_float_scalar(const std::byte* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = float_from_half(load_as<std::uint16_t>(from + 2 * i));
  }
}

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) void half_to_float_f16c(const std::byte* from,
                                                            std::int64_t count, float* to) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 2 * i));
    _mm256_storeu_ps(to + i, _mm256_cvtph_ps(halves));
  }
  half_to_float_scalar(from + 2 * i, count - i, to + i);
}
#endif

void half_to_float(const std::byte* from, std::int64_t count, float* to) {
#if defined(__x86_64__)
  static const bool f16c = __builtin_cpu_supports("avx") && __builtin_cpu_supports("f16c");
  if (f16c) return half_to_float_f16c(from, count, to);
#endif
  half_to_float_scalar(from, count, to);
}

float element(const Weight& weight, std::int64_t at) {
  const std::byte* data = weight.data + at * static_cast<std::int64_t>(size_of(weight.type));
  switch (weight.type) {
    case WeightType::kFloat16:
      return float_from_half(load_as<std::uint16_t>(data));
    case WeightType::kBFloat16:
      return float_from_bfloat16(load_as<std::uint16_t>(data));
    case WeightType::kFloat64:
      return static_cast<float>(load_as<double>(data));
    default:
      return load_as<float>(data);
  }
}

// Row-major elements of a weight with any strides.
void gather(const Weight& weight, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, at = 0;
    for (std::size_t axis = weight.shape.size(); axis-- > 0;) {
      at += rest % weight.shape[axis] * weight.strides[axis];
      rest /= weight.shape[axis];
    }
    out[i] = element(weight, at);
  }
}

void read_all(const Weight& weight, float* out) {
  const std::int64_t count = element_count(weight.shape);
  if (!weight.contiguous()) return gather(weight, count, out);
  constexpr std::int64_t kLeast = 1 << 16;  // floats that are worth another thread
  parallel_ranges(count, kLeast, [&](std::int64_t begin, std::int64_t end) {
    convert_to_float(weight, begin, end - begin, out + begin);
  });
  // Packed weights take the place of those in the file; both at once would be too much memory.
  forget(weight.data, static_cast<std::size_t>(count) * size_of(weight.type));
}

}  // namespace

void convert_to_float(const Weight& weight, std::int64_t first, std::int64_t count, float* out) {
  const std::byte* from = weight.data + first * static_cast<std::int64_t>(size_of(weight.type));
  switch (weight.type) {
    case WeightType::kFloat32:
      std::memcpy(out, from, static_cast<std::size_t>(count) * sizeof(float));
      return;
    case WeightType::kFloat16:
      return half_to_float(from, count, out);
    default:
      for (std::int64_t i = 0; i < count; ++i) out[i] = element(weight, first + i);
  }
}

const Weight& Loader::weight(const std::string& name) const {
  const Weight* found = weights_.find(name);
  if (found == nullptr) throw Error(fmt::format("{} lacks the weight {}", weights_.path(), name));
  return *found;
}

float* Loader::read(const std::string& name) {
  const Weight& source = weight(name);
  const std::int64_t count = element_count(source.shape);
  if (count > buffer_size_) {
    scratch_ = std::make_unique<Arena>(1);
    buffer_ = reinterpret_cast<float*>(scratch_->allocate(count * sizeof(float)));
    buffer_size_ = count;
  }
  read_all(source, buffer_);
  return buffer_;
}

std::vector<float> Loader::vector(const std::string& name) const {
  const Weight& source = weight(name);
  std::vector<float> values(static_cast<std::size_t>(element_count(source.shape)));
  read_all(source, values.data());
  return values;
}

}  // namespace clip
