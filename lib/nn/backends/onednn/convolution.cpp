// Convolutions as oneDNN's, on its layout "nhwc".

#include <cstring>
#include <map>
#include <utility>

#include "nn/backends/onednn/backend.h"
#include "nn/backends/onednn/calls.h"
#include "nn/backends/onednn/matmul.h"

namespace clip::onednn {
namespace {

using dnnl::memory;

memory::desc nhwc(std::int64_t images, std::int64_t channels, std::int64_t side,
                  memory::data_type type) {
  return {{images, channels, side, side}, type, memory::format_tag::nhwc};
}

memory::desc in_any_layout(const memory::dims& shape, memory::data_type type) {
  return {shape, type, memory::format_tag::any};
}

class Convolution : public ConvolutionProduct {
 public:
  Convolution(ConvolutionSpec spec, PackedWeights* packed)
      : shape_({spec.outputs, spec.inputs, kTaps, kTaps}),
        side_(spec.side),
        stride_(spec.stride),
        bias_desc_({spec.outputs}, memory::data_type::f32, memory::format_tag::a) {
    const auto layout = describe(1, type_of(spec.types.weights)).weights_desc();
    const std::size_t weights_size = aligned(layout.get_size());
    const PackedWeights::Piece piece =
        packed->next(layout_of(layout), weights_size + spec.outputs * sizeof(float));
    weights_ = memory(layout, engine(), piece.data);
    bias_ = memory(bias_desc_, engine(), piece.data + weights_size);
    if (piece.ready) return;
    std::vector<float> bias;
    const float* weight = spec.weight(&bias);
    std::memcpy(piece.data + weights_size, bias.data(), bias.size() * sizeof(float));
    pack(weight);
  }

  void run(const Rows& in, std::int64_t images, const Rows& out) const override {
    const Ready& ready = get(images, type_of(in.type));
    execute(ready.convolution, {{DNNL_ARG_SRC, memory(ready.source, engine(), in.data)},
                                {DNNL_ARG_WEIGHTS, ready.weights},
                                {DNNL_ARG_BIAS, bias_},
                                {DNNL_ARG_DST, memory(ready.result, engine(), out.data)}});
  }

 private:
  static constexpr std::int64_t kTaps = 3;
  struct Ready {
    dnnl::convolution_forward convolution;
    memory::desc source, result;
    memory weights;
  };

  // That many images, and the layout of weights that is best for them.
  dnnl::convolution_forward::primitive_desc describe(std::int64_t images,
                                                     memory::data_type type) const {
    dnnl::post_ops post_ops;
    append_eltwise(&post_ops, dnnl::algorithm::eltwise_relu, 0.0F);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(post_ops);
    return onednn::convolution(nhwc(images, shape_[1], side_, type), in_any_layout(shape_, type),
                               bias_desc_, nhwc(images, shape_[0], side_ / stride_, type), stride_,
                               1, attributes);
  }

  const Ready& get(std::int64_t images, memory::data_type type) const {
    const auto found = ready_.find(images);
    if (found != ready_.end()) return found->second;
    const auto description = describe(images, type);
    // Another number of images seldom wants another layout; then it gets its own copy.
    memory own = weights_;
    if (description.weights_desc() != weights_.get_desc()) {
      own = memory(description.weights_desc(), engine());
      reorder(weights_, own);
    }
    const Ready made{make<dnnl::convolution_forward>(description), description.src_desc(),
                     description.dst_desc(), own};
    return ready_.emplace(images, made).first->second;
  }

  // Outputs innermost, as in the packed layout: oneDNN 3.7 packs wrongly from PyTorch's order where
  // they do not fill the layout's blocks.
  void pack(const float* from) {
    const std::int64_t outputs = shape_[0], inputs = shape_[1], taps = kTaps * kTaps;
    std::vector<float> weight(static_cast<std::size_t>(outputs * inputs * taps));
    for (std::int64_t o = 0; o < outputs; ++o) {
      for (std::int64_t i = 0; i < inputs; ++i) {
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          weight[(tap * inputs + i) * outputs + o] = *from++;
        }
      }
    }
    memory source({shape_, memory::data_type::f32, memory::format_tag::hwio}, engine(),
                  weight.data());
    reorder(source, weights_);
  }

  memory::dims shape_;
  std::int64_t side_, stride_;
  memory::desc bias_desc_;
  memory weights_, bias_;
  mutable std::map<std::int64_t, Ready> ready_;  // by images
};

}  // namespace

std::unique_ptr<ConvolutionProduct> convolution(ConvolutionSpec spec, PackedWeights* packed) {
  return std::make_unique<Convolution>(std::move(spec), packed);
}

}  // namespace clip::onednn
