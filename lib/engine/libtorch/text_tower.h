// CLIP's text tower in LibTorch's operators: a causal transformer, read at each prompt's end token.
// Prompts of about the same length are encoded together, cut at the longest of them.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "clip/model_config.h"
#include "clip/tokenizer.h"
#include "libtorch/layers.h"

namespace clip::libtorch {

class TextTower {
 public:
  TextTower(WeightReader* reader, const ModelConfig& config, at::Device device);

  // Embeddings [prompts, D], float32, on the tower's device. Throws Error for prompts that are
  // empty, too long, or not of the vocabulary.
  at::Tensor operator()(const std::vector<TokenIds>& prompts) const;

 private:
  // Of `count` prompts whose indices `which` names, cut at `length` tokens.
  at::Tensor encode(const std::vector<TokenIds>& prompts, const std::int64_t* which,
                    std::int64_t count, std::int64_t length) const;

  TextConfig config_;
  at::Device device_;
  std::int64_t max_tokens_;  // at once, unless a single prompt has more
  at::Tensor token_embedding_, position_;
  Transformer transformer_;
  LayerNorm norm_final_;
  at::Tensor projection_;
};

}  // namespace clip::libtorch
