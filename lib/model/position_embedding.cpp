#include "model/position_embedding.h"

#include <cmath>

#include "image/coefficients.h"

namespace clip {
namespace {

// [outer, in, inner] to [outer, out, inner], along the middle axis.
std::vector<float> resample(const std::vector<float>& values, std::int64_t outer, std::int64_t in,
                            std::int64_t out, std::int64_t inner) {
  const Taps taps = resize_taps(Interpolation::kBicubic, in, out, 0, out);
  std::vector<float> result(static_cast<std::size_t>(outer * out * inner));
  for (std::int64_t i = 0; i < outer; ++i) {
    for (std::int64_t x = 0; x < out; ++x) {
      const Taps::Window& window = taps.windows[x];
      float* to = result.data() + (i * out + x) * inner;
      for (std::int64_t j = 0; j < window.size; ++j) {
        const auto weight = static_cast<float>(taps.weights[window.offset + j]);
        const float* from = values.data() + (i * in + window.start + j) * inner;
        for (std::int64_t k = 0; k < inner; ++k) to[k] += weight * from[k];
      }
    }
  }
  return result;
}

}  // namespace

std::vector<float> resampled_positions(const Tensor& tensor, std::int64_t side) {
  const std::int64_t rows = tensor.shape[0], width = tensor.shape[1];
  const auto grid = static_cast<std::int64_t>(std::llround(std::sqrt(double(rows - 1))));
  std::vector<float> all;
  all.reserve(static_cast<std::size_t>(rows * width));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      all.push_back(element(tensor, i * tensor.strides[0] + j * tensor.strides[1]));
    }
  }
  const std::vector<float> cells(all.begin() + width, all.end());
  const std::vector<float> wide = resample(cells, grid, grid, side, width);
  const std::vector<float> resized = resample(wide, 1, grid, side, side * width);
  std::vector<float> result(all.begin(), all.begin() + width);
  result.insert(result.end(), resized.begin(), resized.end());
  return result;
}

}  // namespace clip
