// Convolutions as at::conv2d, for builds without oneDNN: float32 only.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/from_blob.h>

#include "nn/convolution.h"

namespace clip {

struct Convolution::Packed {
  at::Tensor weight, bias;
};

Convolution::Convolution(Loader* loader, const FoldedConvolution& folded, std::int64_t side,
                         std::int64_t stride)
    : outputs_(folded.outputs),
      inputs_(folded.inputs),
      side_(side),
      stride_(stride),
      packed_(std::make_unique<Packed>()) {
  static_cast<void>(loader);
  const auto copy = [](const std::vector<float>& values, at::IntArrayRef shape) {
    return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
  };
  packed_->weight = copy(folded.weight, {outputs_, inputs_, folded.side, folded.side});
  packed_->bias = copy(folded.bias, {outputs_});
}

Convolution::~Convolution() = default;
Convolution::Convolution(Convolution&&) noexcept = default;

void Convolution::operator()(const Rows& in, std::int64_t images, const Rows& out) const {
  const at::NoGradGuard no_grad;
  // [images, side, side, channels] in memory, seen as [images, channels, side, side].
  const auto nchw = [&](const Rows& rows, std::int64_t n) {
    return at::from_blob(rows.data, {images, n, n, rows.width}, at::kFloat).permute({0, 3, 1, 2});
  };
  const at::Tensor result =
      at::conv2d(nchw(in, side_), packed_->weight, packed_->bias, {stride_, stride_}, {1, 1});
  nchw(out, side_ / stride_).copy_(result.relu());
}

}  // namespace clip
