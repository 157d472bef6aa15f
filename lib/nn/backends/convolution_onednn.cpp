// Convolutions as oneDNN's, on its layout "nhwc".

#include <map>

#include "nn/backends/onednn.h"
#include "nn/convolution.h"

namespace clip {

using dnnl::memory;

namespace {

memory::desc nhwc(std::int64_t images, std::int64_t channels, std::int64_t side,
                  memory::data_type type) {
  return {{images, channels, side, side}, type, memory::format_tag::nhwc};
}

memory::desc in_any_layout(const memory::dims& shape, memory::data_type type) {
  return {shape, type, memory::format_tag::any};
}

}  // namespace

struct Convolution::Packed {
  struct Ready {
    dnnl::convolution_forward convolution;
    memory::desc source, result;
    memory weights;
  };
  memory::dims shape;
  std::vector<float> bias_values;
  memory weights, bias;
  std::map<std::int64_t, Ready> ready;  // by images

  // That many images, and the layout of weights that is best for them.
  dnnl::convolution_forward::primitive_desc describe(const Convolution& layer, std::int64_t images,
                                                     memory::data_type type) const {
    const std::int64_t side = layer.side_;
    dnnl::post_ops post_ops;
    onednn::append_eltwise(&post_ops, dnnl::algorithm::eltwise_relu, 0.0F);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(post_ops);
    return onednn::convolution(
        nhwc(images, layer.inputs_, side, type), in_any_layout(shape, type), bias.get_desc(),
        nhwc(images, layer.outputs_, side / layer.stride_, type), layer.stride_, 1, attributes);
  }

  const Ready& get(const Convolution& layer, std::int64_t images, memory::data_type type) {
    const auto found = ready.find(images);
    if (found != ready.end()) return found->second;
    const auto description = describe(layer, images, type);
    // Another number of images seldom wants another layout; then it gets its own copy.
    memory own = weights;
    if (description.weights_desc() != weights.get_desc()) {
      own = memory(description.weights_desc(), onednn::engine());
      onednn::reorder(weights, own);
    }
    const Ready made{onednn::make<dnnl::convolution_forward>(description), description.src_desc(),
                     description.dst_desc(), own};
    return ready.emplace(images, made).first->second;
  }
};

Convolution::Convolution(Loader* loader, const FoldedConvolution& folded, std::int64_t side,
                         std::int64_t stride)
    : outputs_(folded.outputs),
      inputs_(folded.inputs),
      side_(side),
      stride_(stride),
      packed_(std::make_unique<Packed>()) {
  Packed& packed = *packed_;
  packed.shape = {outputs_, inputs_, folded.side, folded.side};
  packed.bias_values = folded.bias;
  packed.bias = memory({{outputs_}, memory::data_type::f32, memory::format_tag::a},
                       onednn::engine(), packed.bias_values.data());
  const auto layout =
      packed.describe(*this, 1, onednn::type_of(loader->precision())).weights_desc();
  packed.weights = memory(layout, onednn::engine(), loader->arena()->allocate(layout.get_size()));
  // Outputs innermost, as in the packed layout: oneDNN 3.7 packs wrongly from PyTorch's order where
  // they do not fill the layout's blocks.
  const std::int64_t taps = folded.side * folded.side;
  std::vector<float> weight(folded.weight.size());
  const float* from = folded.weight.data();
  for (std::int64_t o = 0; o < outputs_; ++o) {
    for (std::int64_t i = 0; i < inputs_; ++i) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        weight[(tap * inputs_ + i) * outputs_ + o] = *from++;
      }
    }
  }
  memory source({packed.shape, memory::data_type::f32, memory::format_tag::hwio}, onednn::engine(),
                weight.data());
  onednn::reorder(source, packed.weights);
}

Convolution::~Convolution() = default;
Convolution::Convolution(Convolution&&) noexcept = default;

void Convolution::operator()(const Rows& in, std::int64_t images, const Rows& out) const {
  const Packed::Ready& ready = packed_->get(*this, images, onednn::type_of(in.precision));
  onednn::execute(ready.convolution,
                  {{DNNL_ARG_SRC, memory(ready.source, onednn::engine(), in.data)},
                   {DNNL_ARG_WEIGHTS, ready.weights},
                   {DNNL_ARG_BIAS, packed_->bias},
                   {DNNL_ARG_DST, memory(ready.result, onednn::engine(), out.data)}});
}

}  // namespace clip
