// The layers of CLIP's towers in LibTorch's operators, on any device. What is multiplied is of one
// type, the "compute type" (float32, bfloat16 or float16); the residual stream, norms and what
// stands behind the last norm are float32. lib/nn has the same arithmetic for CPUs.
//
// Layers are immutable once they are built, and are called in inference mode (c10::InferenceMode).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "clip/model_config.h"
#include "nn/loader.h"

namespace clip::libtorch {

// Reads weights by their canonical names, checked for NaN, onto a device.
class WeightReader {
 public:
  WeightReader(const Weights& weights, at::Device device, at::ScalarType compute_type)
      : loader_(weights, kAllFloat32, nullptr), device_(device), compute_type_(compute_type) {}

  at::ScalarType compute_type() const { return compute_type_; }
  Loader* loader() { return &loader_; }

  // The weights, one below the other along the first axis, times `scale`, as `type`.
  at::Tensor read(const std::vector<std::string>& names, at::ScalarType type, float scale = 1);
  at::Tensor read_float(const std::string& name) { return read({name}, at::kFloat); }

  // Numbers of the layers' own making, [shape], as the compute type.
  at::Tensor own(const std::vector<float>& values, const Shape& shape) const;

 private:
  Loader loader_;
  at::Device device_;
  at::ScalarType compute_type_;
};

struct Linear {
  // The layers `scopes`, side by side: "<scope>.weight" [outputs, inputs] and "<scope>.bias". The
  // weights are multiplied with `weight_scale`, the biases with `bias_scale`.
  static Linear read(WeightReader* reader, const std::vector<std::string>& scopes,
                     float weight_scale = 1, float bias_scale = 1);

  // [..., inputs] of the compute type -> [..., outputs]
  at::Tensor operator()(const at::Tensor& x) const;
  // The same of the outputs [first, first + count) alone.
  Linear rows(std::int64_t first, std::int64_t count) const;

  at::Tensor weight, bias;
};

struct LayerNorm {
  static LayerNorm read(WeightReader* reader, const std::string& scope, float epsilon);

  // [..., width] -> [..., width], both float32
  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight, bias;
  double epsilon = 1e-5;
};

// Scaled dot-product attention of several heads. `query`: [n, queries, width]; `key` and `value`:
// [n, tokens, width]. `causal`: query i attends to the tokens up to i; there are as many of both.
// `mask`: undefined, or Booleans [n, 1, queries or 1, tokens], true where there is attention.
at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  std::int64_t heads, bool causal, const at::Tensor& mask);

class Transformer {
 public:
  // `tower`: "image" or "text", whose blocks these are.
  Transformer(WeightReader* reader, const std::string& tower, const TransformerConfig& config);

  // `x`: [n, tokens, width] float32, overwritten. Gives the rows that are `wanted`, one of each
  // sequence, [n] int64: [n, width] float32. The last block computes these alone. `causal`: a token
  // attends to itself and those before it.
  at::Tensor operator()(at::Tensor x, const at::Tensor& wanted, bool causal) const;

 private:
  struct Block {
    LayerNorm norm_1;
    Linear query_key_value, output;
    LayerNorm norm_2;
    Linear up, down;
  };

  at::Tensor mlp(const Block& block, const at::Tensor& x) const;

  TransformerConfig config_;
  at::ScalarType compute_type_;
  std::vector<Block> blocks_;
};

}  // namespace clip::libtorch
