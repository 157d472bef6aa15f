// Products x W^T + b of float32, by weights that are packed into panels of 16 outputs: a panel
// holds the weights of each input for its 16 outputs together, so that a kernel of some rows by 16
// outputs reads them in the order in which they lie.
#pragma once

#include <cstdint>

#include "nn/backend.h"

namespace clip::plain {

constexpr std::int64_t kPanel = 16;

inline std::int64_t panel_count(std::int64_t outputs) {
  return (outputs + kPanel - 1) / kPanel;
}

// Numbers that packed weights and their bias take, each rounded up to whole panels.
inline std::int64_t packed_size(std::int64_t outputs, std::int64_t inputs) {
  return panel_count(outputs) * kPanel * (inputs + 1);
}

// `weight`: [outputs, inputs] row-major; `bias`: [outputs], or null for none; `packed`:
// [packed_size].
void pack_panels(const float* weight, const float* bias, std::int64_t outputs, std::int64_t inputs,
                 float* packed);

struct Panels {
  const float* packed;
  std::int64_t outputs, inputs;
  Epilogue epilogue;
};

// `rows` rows by the panel of that number. Rows of `in` are `in_stride` numbers apart, those of
// `out` `out_stride`. By the calling thread.
void multiply_panel(const Panels& panels, std::int64_t panel, const float* in,
                    std::int64_t in_stride, std::int64_t rows, float* out, std::int64_t out_stride);

}  // namespace clip::plain
