// A 3x3 convolution with its batch norm folded in, followed by ReLU, on images that lie pixel by
// pixel (the channels of a pixel together), as rows. Calls on one layer must not overlap.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/backend.h"
#include "nn/loader.h"
#include "nn/rows.h"

namespace clip {

// A convolution and the batch norm behind it (in inference: a scale and a shift for each channel)
// as one convolution with bias.
struct FoldedConvolution {
  // "<convolution>.weight" [outputs, inputs, side, side] and "<norm>.weight", "bias",
  // "mean", "variance" [outputs]; epsilon 1e-5.
  FoldedConvolution(Loader* loader, const std::string& convolution, const std::string& norm);

  // Adds inputs that are given no weight, up to that many.
  void pad_inputs(std::int64_t to);

  std::int64_t outputs, inputs, side;
  std::vector<float> weight, bias;
};

class Convolution {
 public:
  // "<convolution>.weight" and the batch norm "<norm>", as FoldedConvolution has them; an odd
  // number of inputs gets one more, which is given no weight. For images of `side` x `side`, which
  // is even where `stride` is 2; else that is 1. Padding 1. Of the loader's types, by its backend.
  Convolution(Loader* loader, const std::string& convolution, const std::string& norm,
              std::int64_t side, std::int64_t stride);

  // `in`: [images * side * side, inputs]; `out`: [images * (side / stride)^2, outputs]; both
  // without gaps, in the loader's type of activations.
  void operator()(const Rows& in, std::int64_t images, const Rows& out) const {
    product_->run(in, images, out);
  }

  std::int64_t outputs() const { return outputs_; }
  std::int64_t side() const { return side_; }
  std::int64_t stride() const { return stride_; }

 private:
  std::int64_t outputs_, side_, stride_;
  std::unique_ptr<ConvolutionProduct> product_;
};

}  // namespace clip
