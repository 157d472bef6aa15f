#include "run/label_run.h"

#include <fmt/format.h>

#include "clip/error.h"

namespace clip_cli {

clip::Embeddings embed_labels(const std::shared_ptr<const clip::Model>& model,
                              const std::vector<clip::Label>& labels,
                              const std::vector<std::string>& templates,
                              const clip::TextOptions& options, const clip::CancelToken& stop,
                              Progress* progress) {
  clip::TextEmbedder embedder(model, options);
  return clip::embed_labels(
      labels, templates,
      [&](const std::vector<std::string>& prompts) { return embedder.embed(prompts); },
      [&](std::size_t done, std::size_t total) {
        if (stop.cancelled()) {
          throw clip::Error(clip::ErrorCode::kCancelled, "interrupted before the first image");
        }
        if (done < total) progress->show(fmt::format("{}/{} prompts", done, total));
      });
}

}  // namespace clip_cli
