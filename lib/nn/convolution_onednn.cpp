// Convolutions as oneDNN's, on its layout "nhwc".

#include <map>
#include <utility>

#include "nn/convolution.h"
#include "nn/onednn.h"

namespace clip {

using dnnl::memory;

struct Convolution::Packed {
  struct Ready {
    dnnl::convolution_forward convolution;
    memory::desc source, result;
  };
  std::vector<float> bias_values;
  memory::desc weights_desc, bias_desc;
  memory weights, bias;
  std::map<std::pair<std::int64_t, std::int64_t>, Ready> ready;  // by images and side

  static dnnl::convolution_forward::primitive_desc describe(const Convolution& layer,
                                                            const memory::desc& source,
                                                            const memory::desc& weights,
                                                            const memory::desc& bias,
                                                            const memory::desc& result) {
    dnnl::post_ops post_ops;
    onednn::append_eltwise(&post_ops, dnnl::algorithm::eltwise_relu, 0.0F);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(post_ops);
    return onednn::convolution(source, weights, bias, result, layer.stride_, 1, attributes);
  }

  static memory::desc pictures(std::int64_t images, std::int64_t channels, std::int64_t side,
                               memory::data_type type) {
    return {{images, channels, side, side}, type, memory::format_tag::nhwc};
  }
};

Convolution::Convolution(Loader* loader, const FoldedConvolution& folded, std::int64_t stride)
    : outputs_(folded.outputs),
      inputs_(folded.inputs),
      stride_(stride),
      packed_(std::make_unique<Packed>()) {
  Packed& packed = *packed_;
  const auto type = onednn::type_of(loader->precision());
  packed.bias_values = folded.bias;
  packed.bias_desc = memory::desc({outputs_}, memory::data_type::f32, memory::format_tag::a);
  packed.bias = memory(packed.bias_desc, onednn::engine(), packed.bias_values.data());

  // Any side will do: the layout of the weights does not depend on it.
  constexpr std::int64_t kSide = 56;
  const memory::dims shape = {outputs_, inputs_, folded.side, folded.side};
  const auto typical =
      Packed::describe(*this, Packed::pictures(1, inputs_, kSide, type),
                       memory::desc(shape, type, memory::format_tag::any), packed.bias_desc,
                       Packed::pictures(1, outputs_, kSide / stride, type));
  packed.weights_desc = typical.weights_desc();
  packed.weights = memory(packed.weights_desc, onednn::engine(),
                          loader->arena()->allocate(packed.weights_desc.get_size()));
  memory source({shape, memory::data_type::f32, memory::format_tag::oihw}, onednn::engine(),
                const_cast<float*>(folded.weight.data()));
  dnnl::reorder(source, packed.weights).execute(onednn::stream(), source, packed.weights);
  onednn::stream().wait();
}

Convolution::~Convolution() = default;
Convolution::Convolution(Convolution&&) noexcept = default;

void Convolution::operator()(const Rows& in, std::int64_t images, std::int64_t side,
                             const Rows& out) const {
  Packed& packed = *packed_;
  auto found = packed.ready.find({images, side});
  if (found == packed.ready.end()) {
    const auto type = onednn::type_of(in.precision);
    const memory::desc source = Packed::pictures(images, inputs_, side, type);
    const memory::desc result = Packed::pictures(images, outputs_, side / stride_, type);
    const dnnl::convolution_forward convolution(
        Packed::describe(*this, source, packed.weights_desc, packed.bias_desc, result));
    found = packed.ready
                .emplace(std::make_pair(images, side), Packed::Ready{convolution, source, result})
                .first;
  }
  const Packed::Ready& ready = found->second;
  ready.convolution.execute(onednn::stream(),
                            {{DNNL_ARG_SRC, memory(ready.source, onednn::engine(), in.data)},
                             {DNNL_ARG_WEIGHTS, packed.weights},
                             {DNNL_ARG_BIAS, packed.bias},
                             {DNNL_ARG_DST, memory(ready.result, onednn::engine(), out.data)}});
  onednn::stream().wait();
}

}  // namespace clip
