#include "nn/backends/plain/panels.h"

#include <algorithm>

#include "nn/activations.h"
#include "nn/simd.h"

namespace clip::plain {
namespace {

// Rows of a kernel: with 16 outputs they keep 6 sums of AVX-512, or 12 of AVX2, which has 16
// registers.
constexpr std::int64_t kRows = 6;

// The sums of some outputs, of which `width` exist.
template <Epilogue kEpilogue, typename F>
CLIP_INLINE void write(const F& sum, std::int64_t width, float* out) {
  F x = sum, before = {};
  if (width >= kLanesOf<F>) {
    if constexpr (adds_to_output(kEpilogue)) load(out, &before);
    apply_epilogue<kEpilogue>(before, &x);
    store(out, x);
    return;
  }
  if (width <= 0) return;
  float part[kLanesOf<F>] = {};  // the last panel: the output has no room for a vector
  std::copy_n(out, width, part);
  load(part, &before);
  apply_epilogue<kEpilogue>(before, &x);
  store(part, x);
  std::copy_n(part, width, out);
}

template <typename F, Epilogue kEpilogue, std::int64_t kCount>
CLIP_INLINE void multiply_rows(const float* weights, const float* bias, std::int64_t inputs,
                               const float* in, std::int64_t in_stride, std::int64_t width,
                               float* out, std::int64_t out_stride) {
  constexpr int kParts = kPanel / kLanesOf<F>;
  F sums[kCount][kParts], w[kParts];
  for (int part = 0; part < kParts; ++part) {
    load(bias + part * kLanesOf<F>, &w[part]);
    for (std::int64_t i = 0; i < kCount; ++i) sums[i][part] = w[part];
  }
  for (std::int64_t k = 0; k < inputs; ++k) {
    for (int part = 0; part < kParts; ++part) {
      load(weights + k * kPanel + part * kLanesOf<F>, &w[part]);
    }
    for (std::int64_t i = 0; i < kCount; ++i) {
      for (int part = 0; part < kParts; ++part) sums[i][part] += w[part] * in[i * in_stride + k];
    }
  }
  for (std::int64_t i = 0; i < kCount; ++i) {
    for (int part = 0; part < kParts; ++part) {
      const std::int64_t first = part * kLanesOf<F>;
      write<kEpilogue>(sums[i][part], width - first, out + i * out_stride + first);
    }
  }
}

template <typename F, Epilogue kEpilogue>
CLIP_INLINE void multiply(const float* weights, const float* bias, std::int64_t inputs,
                          const float* in, std::int64_t in_stride, std::int64_t rows,
                          std::int64_t width, float* out, std::int64_t out_stride) {
  std::int64_t i = 0;
  for (; i + kRows <= rows; i += kRows) {
    multiply_rows<F, kEpilogue, kRows>(weights, bias, inputs, in + i * in_stride, in_stride, width,
                                       out + i * out_stride, out_stride);
  }
  for (; i + 2 <= rows; i += 2) {
    multiply_rows<F, kEpilogue, 2>(weights, bias, inputs, in + i * in_stride, in_stride, width,
                                   out + i * out_stride, out_stride);
  }
  for (; i < rows; ++i) {
    multiply_rows<F, kEpilogue, 1>(weights, bias, inputs, in + i * in_stride, in_stride, width,
                                   out + i * out_stride, out_stride);
  }
}

template <typename F>
CLIP_INLINE void multiply_with(const float* weights, const float* bias, std::int64_t inputs,
                               const float* in, std::int64_t in_stride, std::int64_t rows,
                               std::int64_t width, Epilogue epilogue, float* out,
                               std::int64_t out_stride) {
  switch (epilogue) {
    case Epilogue::kNone:
      return multiply<F, Epilogue::kNone>(weights, bias, inputs, in, in_stride, rows, width, out,
                                          out_stride);
    case Epilogue::kQuickGelu:
      return multiply<F, Epilogue::kQuickGelu>(weights, bias, inputs, in, in_stride, rows, width,
                                               out, out_stride);
    case Epilogue::kGelu:
      return multiply<F, Epilogue::kGelu>(weights, bias, inputs, in, in_stride, rows, width, out,
                                          out_stride);
    case Epilogue::kGeluTanh:
      return multiply<F, Epilogue::kGeluTanh>(weights, bias, inputs, in, in_stride, rows, width,
                                              out, out_stride);
    case Epilogue::kRelu:
      return multiply<F, Epilogue::kRelu>(weights, bias, inputs, in, in_stride, rows, width, out,
                                          out_stride);
    case Epilogue::kAdd:
      return multiply<F, Epilogue::kAdd>(weights, bias, inputs, in, in_stride, rows, width, out,
                                         out_stride);
    case Epilogue::kAddRelu:
      return multiply<F, Epilogue::kAddRelu>(weights, bias, inputs, in, in_stride, rows, width, out,
                                             out_stride);
  }
}

CLIP_KERNEL(void multiply_any(const float* weights, const float* bias, std::int64_t inputs,
                              const float* in, std::int64_t in_stride, std::int64_t rows,
                              std::int64_t width, Epilogue epilogue, float* out,
                              std::int64_t out_stride),
            multiply_with<F>(weights, bias, inputs, in, in_stride, rows, width, epilogue, out,
                             out_stride);)

}  // namespace

void pack_panels(const float* weight, const float* bias, std::int64_t outputs, std::int64_t inputs,
                 float* packed) {
  const std::int64_t panels = panel_count(outputs);
  float* biases = packed + panels * kPanel * inputs;
  for (std::int64_t j = 0; j < panels * kPanel; ++j) {
    const bool is_output = j < outputs;
    float* panel = packed + j / kPanel * kPanel * inputs + j % kPanel;
    for (std::int64_t k = 0; k < inputs; ++k) {
      panel[k * kPanel] = is_output ? weight[j * inputs + k] : 0.0F;
    }
    biases[j] = is_output && bias != nullptr ? bias[j] : 0.0F;
  }
}

void multiply_panel(const Panels& panels, std::int64_t panel, const float* in,
                    std::int64_t in_stride, std::int64_t rows, float* out,
                    std::int64_t out_stride) {
  const float* biases = panels.packed + panel_count(panels.outputs) * kPanel * panels.inputs;
  const std::int64_t first = panel * kPanel;
  multiply_any(panels.packed + first * panels.inputs, biases + first, panels.inputs, in, in_stride,
               rows, std::min(kPanel, panels.outputs - first), panels.epilogue, out + first,
               out_stride);
}

}  // namespace clip::plain
