#include "run/label_run.h"

#include <fmt/format.h>

#include <utility>

#include "clip/error.h"
#include "run/label_store.h"

namespace clip_cli {

clip::Embeddings embed_labels(const std::shared_ptr<const clip::Model>& model,
                              const std::vector<clip::Label>& labels,
                              const std::vector<std::string>& templates,
                              const clip::TextOptions& options, const clip::CancelToken& stop,
                              Progress* progress) {
  const StoredLabels stored(*model, labels, templates, options);
  if (auto found = stored.find()) return std::move(*found);
  clip::TextEmbedder embedder(model, options);
  clip::Embeddings embeddings = clip::embed_labels(
      labels, templates,
      [&](const std::vector<std::string>& prompts) { return embedder.embed(prompts); },
      [&](std::size_t done, std::size_t total) {
        if (stop.cancelled()) {
          throw clip::Error(clip::ErrorCode::kCancelled, "interrupted before the first image");
        }
        if (done < total) progress->show(fmt::format("{}/{} prompts", done, total));
      });
  stored.keep(embeddings);
  return embeddings;
}

}  // namespace clip_cli
