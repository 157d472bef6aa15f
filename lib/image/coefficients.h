// The weights with which Pillow's resampling mixes input pixels into output pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "clip/preprocessing.h"

namespace clip {

// One axis: how the outputs [first, first + count) of a resize from `in` to `out` pixels are mixed.
struct Taps {
  struct Window {
    std::int64_t start = 0;   // the first input pixel
    std::int64_t size = 0;    // how many
    std::int64_t offset = 0;  // of its weights in `weights`
  };
  std::vector<Window> windows;  // one for each output
  std::vector<double> weights;  // each window's add up to 1
  std::int64_t max_size = 0;    // the largest window

  std::int64_t begin() const;  // the first input pixel that any window needs
  std::int64_t end() const;    // one past the last
};

// The cubic of Keys with a = -0.5, or the triangle, stretched by the scale when the image shrinks,
// so that it does not alias; windows are cut at the edges and their weights then add up to 1 again.
// The arithmetic follows Pillow's in its order of operations: the weights are the same doubles.
Taps resize_taps(Interpolation interpolation, std::int64_t in, std::int64_t out, std::int64_t first,
                 std::int64_t count);

// Pillow's 8-bit images are mixed in fixed point with 22 fractional bits, rounded half away from
// 0.
constexpr int kWeightBits = 22;
std::vector<std::int32_t> fixed_point(const std::vector<double>& weights);

}  // namespace clip
