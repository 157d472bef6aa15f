// The transformer that both towers share: pre-norm blocks of attention and MLP around a residual
// stream in float32 (figure 1 of Vaswani et al., 2017, with the norms moved as in GPT-2).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "clip/model_config.h"
#include "nn/attention.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/loader.h"

namespace clip {

// What blocks write between the residual stream's reads, allocated once for the largest batch and
// used by every block.
struct TransformerScratch {
  // For up to `rows` rows, of which up to `outputs` are wanted in the end.
  TransformerScratch(std::int64_t rows, std::int64_t outputs, const TransformerConfig& config,
                     LayerTypes types, Arena* arena);

  // Bytes of the arena that it takes.
  static std::int64_t bytes(std::int64_t rows, std::int64_t outputs,
                            const TransformerConfig& config);

  Rows normed;     // [rows, width], as products read them
  Rows query;      // [rows, width]
  Rows key_value;  // [rows, 2 width], keys to the left
  Rows mixed;      // [rows, width]
  Rows product;    // [rows, width]: what a product reads that no norm has written
  Rows hidden;     // [rows, MLP width], over query and key_value, which are read by then
  Rows chosen;     // [outputs, width] float32: the residual stream of the wanted rows
};

class TransformerBlock {
 public:
  // The block "<scope>": "<scope>.norm_1.weight" and so on (model/canonical.h).
  TransformerBlock(Loader* loader, const std::string& scope, const TransformerConfig& config);

 private:
  friend class Transformer;
  LayerNorm norm_1_;
  Linear query_, key_value_;  // the queries scaled by 1 / sqrt(head width)
  Linear output_;
  LayerNorm norm_2_;
  Linear up_, down_;
};

class Transformer {
 public:
  // How rows attend to each other in all blocks but the last: (queries, keys, values, result).
  using Attend = std::function<void(const Rows&, const Rows&, const Rows&, const Rows&)>;

  // "<tower>.blocks.0" and so on.
  Transformer(Loader* loader, const std::string& tower, const TransformerConfig& config);

  // Only the rows `wanted` of the result are read by CLIP (the class token, the end of a text), so
  // the last block computes queries and MLP for them alone; `last` says what each of them attends
  // to. `x`: [rows, width] float32, overwritten. Gives [wanted, width] float32 in the scratch.
  Rows operator()(const Rows& x, const Attend& attend_all, const std::vector<std::int32_t>& wanted,
                  const AttendedRows& last, const TransformerScratch& scratch) const;

 private:
  std::int64_t heads_;
  std::vector<TransformerBlock> blocks_;
};

}  // namespace clip
