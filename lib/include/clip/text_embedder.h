/// \file
/// Prompts to normalized embeddings. Those that come again are found in a least-recently-used
/// cache, and the text encoder is opened with the first that is not.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "clip/engine.h"

namespace clip {

/// How prompts are embedded.
struct TextOptions {
  EncoderOptions encoder;       ///< how the encoder computes
  bool truncate = false;        ///< cut prompts that are longer than the model's context
  std::size_t cache_bytes = 0;  ///< that embeddings may take which are kept; 0: none are
};

/// Prompts to normalized embeddings. For one thread at a time.
class TextEmbedder {
 public:
  /// Reads no weights yet.
  TextEmbedder(std::shared_ptr<const Model> model, const TextOptions& options);
  ~TextEmbedder();
  TextEmbedder(const TextEmbedder&) = delete;
  TextEmbedder& operator=(const TextEmbedder&) = delete;

  /// [prompts, dim]; those that are not in the cache are computed together. Throws Error for a
  /// prompt that is too long, before anything is computed, and for one whose embedding is zero or
  /// not finite.
  Embeddings embed(const std::vector<std::string>& prompts);

  /// Computes what is not in the cache, together, so that `embed` finds it. Excludes what cannot be
  /// embedded: the call of `embed` that asks for it throws.
  void prepare(const std::vector<std::string>& prompts);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace clip
