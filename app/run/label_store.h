// Embeddings of label sets, kept on disk from run to run: those of ImageNet's labels in all
// templates are 80,000 prompts, which take minutes, and 2 MB.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clip/embeddings.h"
#include "clip/model.h"
#include "clip/text_embedder.h"
#include "clip/zero_shot.h"

namespace clip_cli {

// Sets of fewer prompts are computed in less time than it takes to think about them.
constexpr std::size_t kMinStoredPrompts = 64;
// What all of them together may take; those that were not used for longest go first.
constexpr std::uint64_t kMaxStoredBytes = std::uint64_t{256} << 20;

// One set of labels with one model: the file that its embeddings are in, or will be. Files take
// their names whole, so that processes may read and write the same one.
class StoredLabels {
 public:
  StoredLabels(const clip::Model& model, const std::vector<clip::Label>& labels,
               const std::vector<std::string>& templates, const clip::TextOptions& options);

  // [labels, dim], normalized; nothing where they are not there.
  std::optional<clip::Embeddings> find() const;
  // Keeps them, or does not where the system refuses: the next run computes them again.
  void keep(const clip::Embeddings& embeddings) const;

 private:
  std::string path_;  // empty: nothing is kept
  std::string key_, note_;
  std::int64_t count_, dim_;
};

}  // namespace clip_cli
