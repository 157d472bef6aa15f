#include "nn/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "base/mapped_file.h"
#include "clip/error.h"
#include "nn/parallel.h"
#include "nn/transpose.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace clip {
namespace {

// Fits every vector type; the rest of a range is converted one by one.
void half_to_float_scalar(const std::byte* from, std::int64_t count, float* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = float_from_half(load_unaligned<std::uint16_t>(from + 2 * i));
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
  // Processors had f16c before AVX2; clang 14 cannot ask for it.
  static const bool f16c = __builtin_cpu_supports("avx2") != 0;
  if (f16c) return half_to_float_f16c(from, count, to);
#endif
  half_to_float_scalar(from, count, to);
}

// True when NaN or an infinity is among the numbers: all exponent bits set. Without a branch, so
// that the compiler vectorises it.
bool any_not_finite(const float* numbers, std::int64_t count) {
  std::uint32_t found = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = load_unaligned<std::uint32_t>(numbers + i);
    found |= static_cast<std::uint32_t>((bits & 0x7fffffff) >= 0x7f800000);
  }
  return found != 0;
}

// In blocks that stay in the first-level cache between conversion and check. False for NaN and
// infinity.
bool convert_checked(const Tensor& tensor, std::int64_t first, std::int64_t count, float* out) {
  constexpr std::int64_t kBlock = 4096;
  bool good = true;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, count - begin);
    convert_to_float(tensor, first + begin, size, out + begin);
    good = good && !any_not_finite(out + begin, size);
  }
  return good;
}

bool convert_contiguous(const Tensor& tensor, float* out) {
  constexpr std::int64_t kMinCount = 1 << 18;  // floats that are worth another thread
  const std::int64_t count = element_count(tensor.shape);
  std::atomic<bool> good{true};
  parallel_ranges(count, kMinCount, [&](std::int64_t begin, std::int64_t end) {
    if (!convert_checked(tensor, begin, end - begin, out + begin)) good = false;
  });
  // Packed weights take the place of those in the file; both at once would be too much memory.
  if (tensor.mapped)
    release_pages(tensor.data, static_cast<std::size_t>(count) * size_of(tensor.type));
  return good;
}

// Row-major elements of a tensor with any strides.
bool gather(const Tensor& tensor, float* out) {
  const std::int64_t count = element_count(tensor.shape);
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, at = 0;
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      at += rest % tensor.shape[axis] * tensor.strides[axis];
      rest /= tensor.shape[axis];
    }
    out[i] = element(tensor, at);
  }
  return !any_not_finite(out, count);
}

// False when it holds NaN or infinity.
bool convert_all(const Tensor& tensor, float* out) {
  if (tensor.contiguous()) return convert_contiguous(tensor, out);
  if (tensor.shape.size() != 2 || !tensor.transposed().contiguous()) return gather(tensor, out);
  // Projections are stored transposed: converted in one go, then turned.
  const std::int64_t rows = tensor.shape[0], columns = tensor.shape[1];
  std::vector<float> stored(static_cast<std::size_t>(rows * columns));
  const bool good = convert_contiguous(tensor.transposed(), stored.data());
  transpose(stored.data(), columns, rows, out);
  return good;
}

}  // namespace

void convert_to_float(const Tensor& tensor, std::int64_t first, std::int64_t count, float* out) {
  const std::byte* from = tensor.data + first * static_cast<std::int64_t>(size_of(tensor.type));
  switch (tensor.type) {
    case TensorType::kFloat32:
      std::memcpy(out, from, static_cast<std::size_t>(count) * sizeof(float));
      return;
    case TensorType::kFloat16:
      return half_to_float(from, count, out);
    case TensorType::kBFloat16:
      for (std::int64_t i = 0; i < count; ++i) {
        out[i] = float_from_bfloat16(load_unaligned<std::uint16_t>(from + 2 * i));
      }
      return;
    default:
      for (std::int64_t i = 0; i < count; ++i) out[i] = element(tensor, first + i);
  }
}

void Loader::read_into(const std::string& name, float* out) const {
  const Weight& weight = weights_.at(name);
  if (convert_all(weight.tensor, out)) return;
  const float* end = out + element_count(weight.tensor.shape);
  const bool nan =
      std::any_of<const float*>(out, end, [](float number) { return std::isnan(number); });
  throw Error(ErrorCode::kCorrupt,
              fmt::format("{}: weight {} holds {}, expected finite numbers; the file is damaged or "
                          "the training that made it had failed",
                          weights_.path(), weight.stored, nan ? "NaN" : "infinity"));
}

float* Loader::read_joined(const std::vector<std::string>& names) {
  std::int64_t count = 0;
  for (const std::string& name : names) count += element_count(shape(name));
  if (count > buffer_size_) {
    scratch_ = std::make_unique<Arena>(1);
    buffer_ = reinterpret_cast<float*>(scratch_->allocate(count * sizeof(float)));
    buffer_size_ = count;
  }
  float* out = buffer_;
  for (const std::string& name : names) {
    read_into(name, out);
    out += element_count(shape(name));
  }
  return buffer_;
}

std::vector<float> Loader::vector(const std::string& name) const {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape(name))));
  read_into(name, values.data());
  return values;
}

float* read_query(Loader* loader, const std::string& scope, std::int64_t heads,
                  std::vector<float>* bias) {
  const Shape& shape = loader->shape(scope + ".weight");
  const float scale = 1 / std::sqrt(static_cast<float>(shape[0] / heads));
  *bias = loader->vector(scope + ".bias");
  for (float& value : *bias) value *= scale;
  float* weight = loader->read(scope + ".weight");
  for (std::int64_t i = 0; i < shape[0] * shape[1]; ++i) weight[i] *= scale;
  return weight;
}

}  // namespace clip
