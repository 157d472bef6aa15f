#include "libtorch/layers.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <cmath>
#include <limits>
#include <utility>

namespace clip::libtorch {
namespace {

// quick_gelu(x) = x sigmoid(1.702 x), so silu(1.702 x) = 1.702 quick_gelu(x): with the factor in
// the weights before and its inverse in those behind, it is one operator of LibTorch.
constexpr float kQuickGelu = 1.702F;

at::Tensor activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kQuickGelu:
      break;
  }
  return at::silu(x);  // of x that is scaled
}

// [n, tokens, width] -> [n, heads, tokens, width / heads]
at::Tensor split_heads(const at::Tensor& x, std::int64_t heads) {
  return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

}  // namespace

at::Tensor WeightReader::read(const std::vector<std::string>& names, at::ScalarType type,
                              float scale) {
  Shape shape = loader_.shape(names.front());
  if (!shape.empty()) shape[0] *= static_cast<std::int64_t>(names.size());
  // The loader's buffer, which its next read overwrites.
  at::Tensor weight = at::from_blob(loader_.read_joined(names), shape, at::kFloat);
  if (scale != 1) weight.mul_(scale);
  return weight.to(device_, type, /*non_blocking=*/false, /*copy=*/true);
}

at::Tensor WeightReader::own(const std::vector<float>& values, const Shape& shape) const {
  // from_blob wants a mutable pointer; it is only read.
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat)
      .to(device_, compute_type_, /*non_blocking=*/false, /*copy=*/true);
}

Linear Linear::read(WeightReader* reader, const std::vector<std::string>& scopes,
                    float weight_scale, float bias_scale) {
  std::vector<std::string> weights, biases;
  for (const std::string& scope : scopes) {
    weights.push_back(scope + ".weight");
    biases.push_back(scope + ".bias");
  }
  const at::ScalarType type = reader->compute_type();
  return {reader->read(weights, type, weight_scale), reader->read(biases, type, bias_scale)};
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

Linear Linear::rows(std::int64_t first, std::int64_t count) const {
  return {weight.narrow(0, first, count), bias.narrow(0, first, count)};
}

LayerNorm LayerNorm::read(WeightReader* reader, const std::string& scope, float epsilon) {
  return {reader->read_float(scope + ".weight"), reader->read_float(scope + ".bias"), epsilon};
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  std::int64_t heads, bool causal, const at::Tensor& mask) {
  const at::Tensor q = split_heads(query, heads), k = split_heads(key, heads),
                   v = split_heads(value, heads);
#if TORCH_VERSION_MAJOR >= 2
  const at::Tensor mixed = mask.defined()
                               ? at::scaled_dot_product_attention(q, k, v, mask, 0.0, causal)
                               : at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal);
#else
  // Softmax in float32, whatever the scores are in.
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
  at::Tensor scores = at::matmul(q, k.transpose(2, 3)).to(at::kFloat).mul_(scale);
  const double hidden = -std::numeric_limits<double>::infinity();
  if (causal) {
    scores.add_(at::full({q.size(2), k.size(2)}, hidden, scores.options()).triu_(1));
  }
  if (mask.defined()) scores.masked_fill_(mask.logical_not(), hidden);
  const at::Tensor mixed = at::matmul(at::softmax(scores, -1).to(v.scalar_type()), v);
#endif
  return mixed.transpose(1, 2).reshape(query.sizes());
}

Transformer::Transformer(WeightReader* reader, const std::string& tower,
                         const TransformerConfig& config)
    : config_(config), compute_type_(reader->compute_type()) {
  const float before = config.activation == Activation::kQuickGelu ? kQuickGelu : 1;
  for (std::int64_t i = 0; i < config.layers; ++i) {
    const std::string scope = fmt::format("{}.blocks.{}", tower, i);
    const std::string attention = scope + ".attention.";
    blocks_.push_back(
        {LayerNorm::read(reader, scope + ".norm_1", config.norm_epsilon),
         Linear::read(reader, {attention + "query", attention + "key", attention + "value"}),
         Linear::read(reader, {attention + "output"}),
         LayerNorm::read(reader, scope + ".norm_2", config.norm_epsilon),
         Linear::read(reader, {scope + ".mlp.up"}, before, before),
         Linear::read(reader, {scope + ".mlp.down"}, 1 / before)});
  }
}

at::Tensor Transformer::mlp(const Block& block, const at::Tensor& x) const {
  return block.down(activate(block.up(block.norm_2(x).to(compute_type_)), config_.activation));
}

at::Tensor Transformer::operator()(at::Tensor x, const at::Tensor& wanted, bool causal) const {
  const std::int64_t count = x.size(0), tokens = x.size(1), width = x.size(2);
  const auto choose = [&](const at::Tensor& rows) {
    return rows.gather(1, wanted.view({count, 1, 1}).expand({count, 1, width}));
  };
  for (std::size_t i = 0; i + 1 < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    const at::Tensor qkv = block.query_key_value(block.norm_1(x).to(compute_type_));
    x.add_(block.output(attend(qkv.narrow(2, 0, width), qkv.narrow(2, width, width),
                               qkv.narrow(2, 2 * width, width), config_.heads, causal, {})));
    x.add_(mlp(block, x));
  }
  at::Tensor chosen = choose(x);  // [n, 1, width]
  if (!blocks_.empty()) {
    const Block& block = blocks_.back();
    const at::Tensor normed = block.norm_1(x).to(compute_type_);
    const at::Tensor query = block.query_key_value.rows(0, width)(choose(normed));
    const at::Tensor key_value = block.query_key_value.rows(width, 2 * width)(normed);
    at::Tensor mask;
    if (causal) {
      mask = at::arange(tokens, wanted.options())
                 .unsqueeze(0)
                 .le(wanted.unsqueeze(1))
                 .view({count, 1, 1, tokens});
    }
    chosen.add_(
        block.output(attend(query, key_value.narrow(2, 0, width), key_value.narrow(2, width, width),
                            config_.heads, false, mask)));
    chosen.add_(mlp(block, chosen));
  }
  return chosen.squeeze(1);
}

}  // namespace clip::libtorch
