// Our own code in plain C++: what a build without oneDNN computes with, in float32.
#pragma once

#include "nn/backend.h"

namespace clip::plain {

const Backend& backend();

// The parts of it, each in a file of its name.
std::unique_ptr<MatMul> matmul(ProductSpec spec, PackedWeights* packed);
std::unique_ptr<ConvolutionProduct> convolution(ConvolutionSpec spec, PackedWeights* packed);
std::unique_ptr<AttentionProduct> image_attention(std::int64_t tokens, std::int64_t heads);

}  // namespace clip::plain
