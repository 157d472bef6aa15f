// Linear layers as oneDNN's matmul.

#include <map>
#include <tuple>
#include <utility>

#include "nn/backends/onednn.h"
#include "nn/linear.h"
#include "nn/parallel.h"

namespace clip {
namespace {

using dnnl::memory;

dnnl::primitive_attr attributes_of(Epilogue epilogue) {
  dnnl::post_ops post_ops;
  switch (epilogue) {
    case Epilogue::kNone:
      break;
    case Epilogue::kQuickGelu:
      onednn::append_eltwise(&post_ops, dnnl::algorithm::eltwise_swish, 1.702F);
      break;
    case Epilogue::kGelu:
      onednn::append_eltwise(&post_ops, dnnl::algorithm::eltwise_gelu_erf, 0.0F);
      break;
    case Epilogue::kGeluTanh:
      onednn::append_eltwise(&post_ops, dnnl::algorithm::eltwise_gelu_tanh, 0.0F);
      break;
    case Epilogue::kRelu:
      onednn::append_eltwise(&post_ops, dnnl::algorithm::eltwise_relu, 0.0F);
      break;
    case Epilogue::kAdd:
      post_ops.append_sum();
      break;
    case Epilogue::kAddRelu:
      post_ops.append_sum();
      onednn::append_eltwise(&post_ops, dnnl::algorithm::eltwise_relu, 0.0F);
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

}  // namespace

bool has_fast_bfloat16() {
  return onednn::has_bfloat16();
}

struct Linear::Packed {
  // Rows, the strides and precision that they come in, and the threads that compute them.
  using Call = std::tuple<std::int64_t, std::int64_t, std::int64_t, Precision, int>;
  struct Ready {
    dnnl::matmul matmul;
    memory::desc source, result;
  };

  Precision precision;
  memory::desc weights_desc, bias_desc;
  memory weights, bias;
  std::vector<float> bias_values;
  std::map<Call, Ready> ready;

  const Ready& get(const Linear& layer, const Rows& in, const Rows& out) {
    const Call call{in.count, in.stride, out.stride, out.precision, omp_get_max_threads()};
    const auto found = ready.find(call);
    if (found != ready.end()) return found->second;
    const memory::desc source({in.count, layer.inputs_}, onednn::type_of(in.precision),
                              memory::dims{in.stride, 1});
    const memory::desc result({in.count, layer.outputs_}, onednn::type_of(out.precision),
                              memory::dims{out.stride, 1});
    const auto description =
        onednn::matmul(source, weights_desc, bias_desc, result, attributes_of(layer.epilogue_));
    return ready.emplace(call, Ready{onednn::make<dnnl::matmul>(description), source, result})
        .first->second;
  }
};

Linear::Linear(Loader* loader, const float* weight, std::vector<float> bias, std::int64_t outputs,
               std::int64_t inputs, Epilogue epilogue)
    : outputs_(outputs), inputs_(inputs), epilogue_(epilogue), packed_(std::make_unique<Packed>()) {
  const ThreadLimit limit(outputs * inputs / kPackedPerThread);
  Packed& packed = *packed_;
  packed.precision = loader->precision();
  const auto type = onednn::type_of(loader->precision());
  packed.bias_values = std::move(bias);
  if (!packed.bias_values.empty()) {
    packed.bias_desc = memory::desc({1, outputs}, memory::data_type::f32, memory::format_tag::ab);
    packed.bias = memory(packed.bias_desc, onednn::engine(), packed.bias_values.data());
  }
  const auto typical = onednn::matmul(
      memory::desc({kTypicalRows, inputs}, type, memory::format_tag::ab),
      memory::desc({inputs, outputs}, type, memory::format_tag::any), packed.bias_desc,
      memory::desc({kTypicalRows, outputs}, type, memory::format_tag::ab), attributes_of(epilogue));
  packed.weights_desc = typical.weights_desc();
  packed.weights = memory(packed.weights_desc, onednn::engine(),
                          loader->arena()->allocate(packed.weights_desc.get_size()));
  // PyTorch's [outputs, inputs] is the transpose of what a product x W reads. oneDNN 3.7 transposes
  // wrongly where the outputs do not fill the layout's blocks; such layers are few and small.
  constexpr std::int64_t kBlock = 64;
  std::vector<float> transposed;
  auto order = memory::format_tag::ba;
  if (outputs % kBlock != 0) {
    transposed.resize(static_cast<std::size_t>(outputs * inputs));
    for (std::int64_t i = 0; i < outputs; ++i) {
      for (std::int64_t j = 0; j < inputs; ++j) transposed[j * outputs + i] = *weight++;
    }
    weight = transposed.data();
    order = memory::format_tag::ab;
  }
  memory source({{inputs, outputs}, memory::data_type::f32, order}, onednn::engine(),
                const_cast<float*>(weight));
  onednn::reorder(source, packed.weights);
}

Linear::~Linear() = default;
Linear::Linear(Linear&&) noexcept = default;

void Linear::operator()(const Rows& in, const Rows& out) const {
  if (in.count == 0) return;
  const Packed::Ready& ready = packed_->get(*this, in, out);
  std::unordered_map<int, memory> arguments = {
      {DNNL_ARG_SRC, memory(ready.source, onednn::engine(), in.data)},
      {DNNL_ARG_WEIGHTS, packed_->weights},
      {DNNL_ARG_DST, memory(ready.result, onednn::engine(), out.data)}};
  if (packed_->bias) arguments.emplace(DNNL_ARG_BIAS, packed_->bias);
  onednn::execute(ready.matmul, arguments);
}

}  // namespace clip
