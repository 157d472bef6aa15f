#include "nn/convolution.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clip {

FoldedConvolution::FoldedConvolution(Loader* loader, const std::string& convolution,
                                     const std::string& norm) {
  constexpr float kEpsilon = 1e-5F;
  const Shape& shape = loader->shape(convolution + ".weight");
  outputs = shape[0];
  inputs = shape[1];
  side = shape[2];
  weight = loader->vector(convolution + ".weight");
  bias = loader->vector(norm + ".bias");
  const std::vector<float> gain = loader->vector(norm + ".weight");
  const std::vector<float> mean = loader->vector(norm + ".mean");
  const std::vector<float> variance = loader->vector(norm + ".variance");
  const std::int64_t size = inputs * side * side;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const float scale = gain[i] / std::sqrt(variance[i] + kEpsilon);
    for (std::int64_t j = 0; j < size; ++j) weight[i * size + j] *= scale;
    bias[i] -= mean[i] * scale;
  }
}

void FoldedConvolution::pad_inputs(std::int64_t more) {
  const std::int64_t taps = side * side;
  std::vector<float> padded(static_cast<std::size_t>(outputs * (inputs + more) * taps));
  for (std::int64_t i = 0; i < outputs; ++i) {
    std::copy_n(weight.data() + i * inputs * taps, inputs * taps,
                padded.data() + i * (inputs + more) * taps);
  }
  weight = std::move(padded);
  inputs += more;
}

}  // namespace clip
