// oneDNN (versions 2.6 and later), which chooses its kernels by the processor.
#pragma once

#include "nn/backend.h"

namespace clip::onednn {

const Backend& backend();

// The parts of it, each in a file of its name.
std::unique_ptr<ConvolutionProduct> convolution(ConvolutionSpec spec, PackedWeights* packed);
std::unique_ptr<AttentionProduct> image_attention(std::int64_t tokens, std::int64_t heads,
                                                  std::int64_t head_width, ElementType type,
                                                  Arena* arena);

}  // namespace clip::onednn
