// The encoders of one model handle, which any number of threads share: opened with the first image
// and the first text, and kept. Calls run one after the other.
//
// Encoders set the number of OpenMP's threads of whoever calls them; here it is put back, since the
// caller's thread is not this library's.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "clip/engine.h"
#include "clip/text_embedder.h"
#include "pipeline/blocking_openmp_wait.h"

namespace clip {

class SharedImageEncoder {
 public:
  SharedImageEncoder(std::shared_ptr<const Model> model, EncoderOptions options);
  ~SharedImageEncoder();

  // An encoder that passes on to the one that is shared, which is opened where it is not yet; for
  // EmbedOptions::open_encoder. This must outlive it. Throws Error as open_image_encoder does.
  std::unique_ptr<ImageEncoder> open();

 private:
  class Passage;

  const std::shared_ptr<const Model> model_;
  const EncoderOptions options_;
  std::mutex mutex_;
  std::optional<BlockingOpenMpWait> blocking_wait_;
  std::unique_ptr<ImageEncoder> encoder_;
};

class SharedTextEmbedder {
 public:
  SharedTextEmbedder(std::shared_ptr<const Model> model, const TextOptions& options);

  // As TextEmbedder::embed.
  Embeddings embed(const std::vector<std::string>& prompts);

 private:
  std::mutex mutex_;
  TextEmbedder embedder_;
};

}  // namespace clip
