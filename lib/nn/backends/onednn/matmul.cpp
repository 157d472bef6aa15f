// Products in float32 and bfloat16 as oneDNN's matmul.

#include "nn/backends/onednn/matmul.h"

#include <cstring>
#include <map>
#include <tuple>
#include <utility>

#include "nn/backends/onednn/calls.h"
#include "nn/packed_weights.h"
#include "nn/parallel.h"
#include "nn/transpose.h"

namespace clip::onednn {
namespace {

using dnnl::memory;

dnnl::primitive_attr attributes_of(Epilogue epilogue) {
  dnnl::post_ops post_ops;
  switch (epilogue) {
    case Epilogue::kNone:
      break;
    case Epilogue::kQuickGelu:
      append_eltwise(&post_ops, dnnl::algorithm::eltwise_swish, 1.702F);
      break;
    case Epilogue::kGelu:
      append_eltwise(&post_ops, dnnl::algorithm::eltwise_gelu_erf, 0.0F);
      break;
    case Epilogue::kGeluTanh:
      append_eltwise(&post_ops, dnnl::algorithm::eltwise_gelu_tanh, 0.0F);
      break;
    case Epilogue::kRelu:
      append_eltwise(&post_ops, dnnl::algorithm::eltwise_relu, 0.0F);
      break;
    case Epilogue::kAdd:
      post_ops.append_sum();
      break;
    case Epilogue::kAddRelu:
      post_ops.append_sum();
      append_eltwise(&post_ops, dnnl::algorithm::eltwise_relu, 0.0F);
      break;
  }
  dnnl::primitive_attr attributes;
  attributes.set_post_ops(post_ops);
  return attributes;
}

// Row counts that the layout of packed weights is asked for; any count can then use it.
constexpr std::int64_t kTypicalRows = 512;

// Numbers that a thread packs in less time than it takes to wake it.
constexpr std::int64_t kPackedPerThread = 1 << 18;

class FloatMatMul : public MatMul {
 public:
  FloatMatMul(ProductSpec spec, PackedWeights* packed)
      : outputs_(spec.outputs), inputs_(spec.inputs), epilogue_(spec.epilogue) {
    const ThreadLimit limit(outputs_ * inputs_ / kPackedPerThread);
    const auto type = type_of(spec.types.weights);
    if (spec.with_bias) {
      bias_desc_ = memory::desc({1, outputs_}, memory::data_type::f32, memory::format_tag::ab);
    }
    const auto rows = type_of_rows(spec.types.weights);
    const auto result = spec.types.weights == ElementType::kInt8 ? memory::data_type::f32 : type;
    const auto typical =
        matmul(memory::desc({kTypicalRows, inputs_}, rows, memory::format_tag::ab),
               memory::desc({inputs_, outputs_}, type, memory::format_tag::any), bias_desc_,
               memory::desc({kTypicalRows, outputs_}, result, memory::format_tag::ab),
               attributes_of(epilogue_));
    weights_desc_ = typical.weights_desc();
    const std::size_t weights_size = aligned(weights_desc_.get_size());
    const std::size_t bias_size = spec.with_bias ? outputs_ * sizeof(float) : 0;
    const PackedWeights::Piece piece =
        packed->next(layout_of(weights_desc_), weights_size + bias_size);
    weights_ = memory(weights_desc_, engine(), piece.data);
    if (spec.with_bias) bias_ = memory(bias_desc_, engine(), piece.data + weights_size);
    if (piece.ready) return;

    std::vector<float> bias;
    const float* weight = spec.weight(&bias);
    if (spec.with_bias) std::memcpy(piece.data + weights_size, bias.data(), bias_size);
    pack(weight, outputs_, inputs_, &weights_);
  }

  void run(const Rows& in, const Rows& out) const override {
    const Ready& ready = get(in, out);
    std::unordered_map<int, memory> arguments = {
        {DNNL_ARG_SRC, memory(ready.source, engine(), in.data)},
        {DNNL_ARG_WEIGHTS, weights_},
        {DNNL_ARG_DST, memory(ready.result, engine(), out.data)}};
    if (bias_) arguments.emplace(DNNL_ARG_BIAS, bias_);
    execute(ready.matmul, arguments);
  }

 private:
  // Rows, the strides and types that they come in, and the threads that compute them.
  using Call = std::tuple<std::int64_t, std::int64_t, std::int64_t, ElementType, int>;
  struct Ready {
    dnnl::matmul matmul;
    memory::desc source, result;
  };

  const Ready& get(const Rows& in, const Rows& out) const {
    const Call call{in.count, in.stride, out.stride, out.type, omp_get_max_threads()};
    const auto found = ready_.find(call);
    if (found != ready_.end()) return found->second;
    const memory::desc source({in.count, inputs_}, type_of_rows(in.type),
                              memory::dims{in.stride, 1});
    const memory::desc result({in.count, outputs_}, type_of(out.type), memory::dims{out.stride, 1});
    const auto description =
        matmul(source, weights_desc_, bias_desc_, result, attributes_of(epilogue_));
    return ready_.emplace(call, Ready{make<dnnl::matmul>(description), source, result})
        .first->second;
  }

  std::int64_t outputs_, inputs_;
  Epilogue epilogue_;
  memory::desc weights_desc_, bias_desc_;
  memory weights_, bias_;
  mutable std::map<Call, Ready> ready_;
};

}  // namespace

// PyTorch's [outputs, inputs] is the transpose of what a product x W reads. oneDNN 3.7 transposes
// wrongly where the outputs do not fill the layout's blocks; such layers are few and small.
void pack(const float* weight, std::int64_t outputs, std::int64_t inputs, memory* packed) {
  constexpr std::int64_t kBlock = 64;
  std::vector<float> transposed;
  auto order = memory::format_tag::ba;
  if (outputs % kBlock != 0) {
    transposed.resize(static_cast<std::size_t>(outputs * inputs));
    transpose(weight, outputs, inputs, transposed.data());
    weight = transposed.data();
    order = memory::format_tag::ab;
  }
  memory source({{inputs, outputs}, memory::data_type::f32, order}, engine(),
                const_cast<float*>(weight));
  reorder(source, *packed);
}

std::unique_ptr<MatMul> float_matmul(ProductSpec spec, PackedWeights* packed) {
  return std::make_unique<FloatMatMul>(std::move(spec), packed);
}

}  // namespace clip::onednn
