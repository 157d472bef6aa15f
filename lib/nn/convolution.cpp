#include "nn/convolution.h"

#include <algorithm>
#include <cmath>
#include <optional>
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

void FoldedConvolution::pad_inputs(std::int64_t to) {
  const std::int64_t taps = side * side;
  std::vector<float> padded(static_cast<std::size_t>(outputs * to * taps));
  for (std::int64_t i = 0; i < outputs; ++i) {
    std::copy_n(weight.data() + i * inputs * taps, inputs * taps, padded.data() + i * to * taps);
  }
  weight = std::move(padded);
  inputs = to;
}

Convolution::Convolution(Loader* loader, const std::string& convolution, const std::string& norm,
                         std::int64_t side, std::int64_t stride)
    : side_(side), stride_(stride) {
  const Shape& shape = loader->shape(convolution + ".weight");
  outputs_ = shape[0];
  ConvolutionSpec spec;
  spec.outputs = outputs_;
  spec.inputs = shape[1] + shape[1] % 2;
  spec.side = side;
  spec.stride = stride;
  spec.types = loader->types();
  std::optional<FoldedConvolution> folded;
  spec.weight = [&](std::vector<float>* bias) {
    folded.emplace(loader, convolution, norm);
    folded->pad_inputs(shape[1] + shape[1] % 2);
    *bias = folded->bias;
    return folded->weight.data();
  };
  product_ = loader->backend().convolution(std::move(spec), loader->packed());
}

}  // namespace clip
