// A 3x3 convolution with its batch norm folded in, followed by ReLU, on images that lie pixel by
// pixel (the channels of a pixel together), as rows. Calls on one layer must not overlap.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/loader.h"
#include "nn/rows.h"

namespace clip {

// A convolution and the batch norm behind it (in inference: a scale and a shift for each channel)
// as one convolution with bias.
struct FoldedConvolution {
  // "<convolution>.weight" [outputs, inputs, side, side] and "<norm>.weight", "bias",
  // "mean", "variance" [outputs]; epsilon 1e-5.
  FoldedConvolution(Loader* loader, const std::string& convolution, const std::string& norm);

  // Adds inputs that are given no weight.
  void pad_inputs(std::int64_t more);

  std::int64_t outputs, inputs, side;
  std::vector<float> weight, bias;
};

class Convolution {
 public:
  // An even number of inputs. For images of `side` x `side`, which is even where `stride` is 2;
  // else that is 1. Padding 1.
  Convolution(Loader* loader, const FoldedConvolution& folded, std::int64_t side,
              std::int64_t stride);
  ~Convolution();
  Convolution(Convolution&&) noexcept;

  // `in`: [images * side * side, inputs]; `out`: [images * (side / stride)^2, outputs]; both
  // without gaps, in the loader's precision. `side` is even where the stride is 2.
  void operator()(const Rows& in, std::int64_t images, const Rows& out) const;

  std::int64_t outputs() const { return outputs_; }
  std::int64_t side() const { return side_; }
  std::int64_t stride() const { return stride_; }

 private:
  struct Packed;  // hides the library's types
  std::int64_t outputs_, inputs_, side_, stride_;
  std::unique_ptr<Packed> packed_;
};

}  // namespace clip
