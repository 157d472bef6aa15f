// CLIP's text tower: a causal transformer, read at each prompt's end token.
//
// A token attends only to those before it, so two prompts that begin alike compute the same numbers
// for what they share. Here they do it once: a batch of prompts is a tree of prefixes, a row for
// each distinct one, which attends to itself and the rows above it. Nothing is padded to the
// context length, and what stands behind the end token is left out; the result is that of the
// whole computation.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "clip/model_config.h"
#include "clip/tokenizer.h"
#include "nn/transformer.h"

namespace clip {

class TextTower {
 public:
  TextTower(Loader* loader, const ModelConfig& config);

  // `prompts`: the ids of each, start and end included, at most the context length. `embeddings`:
  // [prompts, D]. Throws Error for ids that the vocabulary lacks and for prompts that are too long.
  void encode(const std::vector<TokenIds>& prompts, float* embeddings);

 private:
  // A distinct prefix: its last token and where that stands.
  struct Node {
    std::int32_t token, position;
  };
  struct Tree {
    std::vector<Node> nodes;           // a row each
    AttendedRows above;                // of each node: the path that leads to it, itself included
    std::vector<std::int32_t> ends;    // of each prompt: the row of its end token
    std::vector<std::size_t> prompts;  // which prompts those are
  };

  void encode_tree(const Tree& tree, float* embeddings);
  // Token and position embedding of a node, [width].
  void embed(const Node& node, float* out) const;

  TextConfig config_;
  std::int64_t width_, heads_, embedding_dim_, max_rows_;
  Tensor token_embedding_;             // [vocabulary, width], as it lies in the file; a NaN in
                                       // it shows in the embedding of a prompt that needs it
  std::vector<float> strided_tokens_;  // a copy, where it does not lie row by row
  std::vector<float> position_;        // [context length, width]
  Transformer transformer_;
  LayerNorm norm_final_;
  Linear projection_;

  // Memory for the activations of some rows, in an arena of its own.
  struct Scratch {
    Scratch(std::int64_t rows, const TransformerConfig& config, std::int64_t embedding_dim,
            LayerTypes types);

    std::int64_t rows;
    Arena arena;
    TransformerScratch transformer;
    Rows x, pooled, result;
  };

  // Makes room for `rows` rows: a few prompts never touch memory for thousands.
  void reserve(std::int64_t rows);

  LayerTypes types_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace clip
