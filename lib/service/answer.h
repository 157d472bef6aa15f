// Answers jobs with a model: texts and label sets are embedded when they are first asked for, and
// kept in least-recently-used caches. The text encoder is opened with the first of them. For one
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "clip/embeddings.h"
#include "clip/model.h"
#include "clip/text_embedder.h"
#include "pipeline/lru_cache.h"
#include "service/job.h"

namespace clip {

class Answerer {
 public:
  // `texts.cache_bytes`: 0: 32 MiB.
  Answerer(std::shared_ptr<const Model> model, const TextOptions& texts);

  // Computes together what the jobs need that is not in the caches.
  void prepare(const std::vector<const Job*>& jobs);

  // {"id": ..., ...}. `image`: the embedding of the job's image, null where it has none; `dim`: its
  // dimension, 0: the one that the model states. Where it cannot be given, an error answer:
  // kBadText for a text that cannot be used, kFailed where the model or the system fails.
  Json answer(const Job& job, const float* image, std::int64_t dim = 0);

 private:
  Json result_of(const Job& job, const float* image, std::int64_t dim);
  std::shared_ptr<const Embeddings> label_embeddings(const Job& job);

  const std::shared_ptr<const Model> model_;
  TextEmbedder texts_;
  LruCache<Embeddings> label_sets_;
};

}  // namespace clip
