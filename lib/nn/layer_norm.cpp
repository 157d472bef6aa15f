#include "nn/layer_norm.h"

#include <cmath>

#include "base/half.h"
#include "nn/parallel.h"
#include "nn/simd.h"

namespace clip {
namespace {

// The row lies in the first-level cache after the first loop, so the others cost no memory traffic.
template <typename Out>
CLIP_INLINE void normalize(const float* row, std::int64_t width, const float* weight,
                           const float* bias, float epsilon, Out* out) {
  const std::int64_t vectors = width / kLanes * kLanes;
  Float16x v, w, b, sum = {}, square = {};
  for (std::int64_t i = 0; i < vectors; i += kLanes) {
    load(row + i, &v);
    sum += v;
  }
  float total = sum_of(sum);
  for (std::int64_t i = vectors; i < width; ++i) total += row[i];
  const float mean = total / static_cast<float>(width);
  for (std::int64_t i = 0; i < vectors; i += kLanes) {
    load(row + i, &v);
    v -= mean;
    square += v * v;
  }
  float variance = sum_of(square);
  for (std::int64_t i = vectors; i < width; ++i) variance += (row[i] - mean) * (row[i] - mean);
  const float scale = 1 / std::sqrt(variance / static_cast<float>(width) + epsilon);
  for (std::int64_t i = 0; i < vectors; i += kLanes) {
    load(row + i, &v);
    load(weight + i, &w);
    load(bias + i, &b);
    store(out + i, (v - mean) * scale * w + b);
  }
  for (std::int64_t i = vectors; i < width; ++i) {
    const float value = (row[i] - mean) * scale * weight[i] + bias[i];
    if constexpr (sizeof(Out) == 4) {
      out[i] = value;
    } else {
      out[i] = bfloat16_from_float(value);
    }
  }
}

CLIP_CLONES void normalize_to_f32(const float* row, std::int64_t width, const float* weight,
                                  const float* bias, float epsilon, float* out) {
  normalize(row, width, weight, bias, epsilon, out);
}
CLIP_CLONES void normalize_to_bf16(const float* row, std::int64_t width, const float* weight,
                                   const float* bias, float epsilon, std::uint16_t* out) {
  normalize(row, width, weight, bias, epsilon, out);
}

}  // namespace

LayerNorm::LayerNorm(Loader* loader, const std::string& scope, float epsilon)
    : weight_(loader->vector(scope + ".weight")),
      bias_(loader->vector(scope + ".bias")),
      epsilon_(epsilon) {}

void LayerNorm::operator()(const Rows& in, const Rows& out) const {
  constexpr std::int64_t kMin = 16;  // rows that are worth another thread
  parallel_ranges(in.count, kMin, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (out.precision == Precision::kFloat32) {
        normalize_to_f32(in.f32(i), in.width, weight_.data(), bias_.data(), epsilon_, out.f32(i));
      } else {
        normalize_to_bf16(in.f32(i), in.width, weight_.data(), bias_.data(), epsilon_, out.bf16(i));
      }
    }
  });
}

}  // namespace clip
