// Embeddings of prompts that come again and again: each is computed once, as long as there is room.
#pragma once

#include <string>
#include <vector>

#include "encoder/encoder.h"
#include "model/config.h"
#include "pipeline/lru_cache.h"
#include "text/tokenizer.h"

namespace clip {

class TextCache {
 public:
  // Encoder and config must outlive it. Prompts longer than the context are cut with `truncate`.
  TextCache(Encoder* encoder, const ModelConfig& config, bool truncate, std::size_t most_bytes);

  // Normalized embeddings, [prompts, dim]; those that are not there are computed together. Throws
  // Error for a prompt that is too long.
  Embeddings embed(const std::vector<std::string>& prompts);

  // Computes what is not there, together, so that `embed` finds it. Leaves out what is too long.
  void prepare(const std::vector<std::string>& prompts);

 private:
  using Row = std::vector<float>;  // [dim]

  Encoder* const encoder_;
  const ModelConfig& config_;
  const bool truncate_;
  const Tokenizer tokenizer_;
  LruCache<Row> rows_;
};

}  // namespace clip
