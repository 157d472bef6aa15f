#include "nn/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "nn/parallel.h"
#include "nn/simd.h"

namespace clip {
namespace {

struct Moments {
  float mean, scale;  // 1 / the standard deviation
};

// The row lies in the first-level cache after the first loop, so the others cost no memory traffic.
template <typename F>
CLIP_INLINE Moments moments_of(const float* row, std::int64_t width, float epsilon) {
  const std::int64_t vectors = width / kLanesOf<F> * kLanesOf<F>;
  F v, sum = {}, square = {};
  for (std::int64_t i = 0; i < vectors; i += kLanesOf<F>) {
    load(row + i, &v);
    sum += v;
  }
  float total = sum_of(sum);
  for (std::int64_t i = vectors; i < width; ++i) total += row[i];
  const float mean = total / static_cast<float>(width);
  for (std::int64_t i = 0; i < vectors; i += kLanesOf<F>) {
    load(row + i, &v);
    v -= mean;
    square += v * v;
  }
  float variance = sum_of(square);
  for (std::int64_t i = vectors; i < width; ++i) variance += (row[i] - mean) * (row[i] - mean);
  return {mean, 1 / std::sqrt(variance / static_cast<float>(width) + epsilon)};
}

template <typename F, typename Out>
CLIP_INLINE void normalize(const float* row, std::int64_t width, const float* weight,
                           const float* bias, float epsilon, Out* out) {
  const std::int64_t vectors = width / kLanesOf<F> * kLanesOf<F>;
  const auto [mean, scale] = moments_of<F>(row, width, epsilon);
  F v, w, b;
  for (std::int64_t i = 0; i < vectors; i += kLanesOf<F>) {
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

CLIP_KERNEL(void normalize_to_f32(const float* row, std::int64_t width, const float* weight,
                                  const float* bias, float epsilon, float* out),
            normalize<F>(row, width, weight, bias, epsilon, out);)
CLIP_KERNEL(void normalize_to_bf16(const float* row, std::int64_t width, const float* weight,
                                   const float* bias, float epsilon, std::uint16_t* out),
            normalize<F>(row, width, weight, bias, epsilon, out);)

// q = (x - mean) 127 / max |x - mean|; the row's scale is what gives them variance 1.
template <typename F>
CLIP_INLINE void normalize_and_quantize(const float* row, std::int64_t width, float epsilon,
                                        std::uint8_t* out, float* row_scale) {
  const std::int64_t vectors = width / kLanesOf<F> * kLanesOf<F>;
  const auto [mean, scale] = moments_of<F>(row, width, epsilon);
  F v, max = {};
  for (std::int64_t i = 0; i < vectors; i += kLanesOf<F>) {
    load(row + i, &v);
    v -= mean;
    v = v < 0.0F ? -v : v;
    max = v > max ? v : max;
  }
  float largest = max_of(max);
  for (std::int64_t i = vectors; i < width; ++i) {
    largest = std::max(largest, std::abs(row[i] - mean));
  }
  const float inverse = inverse_step(largest);
  for (std::int64_t i = 0; i < vectors; i += kLanesOf<F>) {
    load(row + i, &v);
    store_int8(out + i, (v - mean) * inverse);
  }
  for (std::int64_t i = vectors; i < width; ++i) {
    out[i] = static_cast<std::uint8_t>(128 + std::lrintf((row[i] - mean) * inverse));
  }
  *row_scale = largest / kInt8Steps * scale;  // NaN where the row holds NaN: `scale` is then
}

CLIP_KERNEL(void normalize_row_to_int8(const float* row, std::int64_t width, float epsilon,
                                       std::uint8_t* out, float* row_scale),
            normalize_and_quantize<F>(row, width, epsilon, out, row_scale);)

}  // namespace

LayerNorm::LayerNorm(Loader* loader, const std::string& scope, float epsilon)
    : weight_(loader->vector(scope + ".weight")),
      bias_(loader->vector(scope + ".bias")),
      epsilon_(epsilon) {}

void LayerNorm::operator()(const Rows& in, const Rows& out) const {
  constexpr std::int64_t kMin = 16;  // rows that are worth another thread
  parallel_ranges(in.count, kMin, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (out.type == ElementType::kFloat32) {
        normalize_to_f32(in.f32(i), in.width, weight_.data(), bias_.data(), epsilon_, out.f32(i));
      } else {
        normalize_to_bf16(in.f32(i), in.width, weight_.data(), bias_.data(), epsilon_, out.bf16(i));
      }
    }
  });
}

void LayerNorm::normalize_to_int8(const Rows& in, const Rows& out) const {
  constexpr std::int64_t kMin = 16;  // rows that are worth another thread
  parallel_ranges(in.count, kMin, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      normalize_row_to_int8(in.f32(i), in.width, epsilon_, out.u8(i), out.scales + i);
    }
  });
}

void LayerNorm::fold_into(float* weight, std::vector<float>* bias) const {
  const auto width = static_cast<std::int64_t>(weight_.size());
  parallel_for(static_cast<std::int64_t>(bias->size()), [&](std::int64_t output) {
    float* row = weight + output * width;
    double sum = 0;
    for (std::int64_t i = 0; i < width; ++i) {
      sum += static_cast<double>(row[i]) * bias_[i];
      row[i] *= weight_[i];
    }
    (*bias)[output] += static_cast<float>(sum);
  });
}

}  // namespace clip
