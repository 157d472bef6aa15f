#include "pipeline/text_cache.h"

#include <algorithm>
#include <memory>
#include <unordered_set>

#include "error.h"
#include "pipeline/prompts.h"

namespace clip {

TextCache::TextCache(Encoder* encoder, const ModelConfig& config, bool truncate,
                     std::size_t most_bytes)
    : encoder_(encoder), config_(config), truncate_(truncate), rows_(most_bytes) {}

Embeddings TextCache::embed(const std::vector<std::string>& prompts) {
  Embeddings embeddings;
  embeddings.count = static_cast<std::int64_t>(prompts.size());
  embeddings.dim = config_.embedding_dim;
  const auto dim = static_cast<std::size_t>(embeddings.dim);
  embeddings.values.resize(prompts.size() * dim);
  const auto place = [&](std::size_t prompt) {
    return embeddings.values.begin() + static_cast<std::ptrdiff_t>(prompt * dim);
  };
  std::vector<std::size_t> missing;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (const auto row = rows_.find(prompts[i])) {
      std::copy(row->begin(), row->end(), place(i));
    } else {
      missing.push_back(i);
      texts.push_back(prompts[i]);
    }
  }
  if (missing.empty()) return embeddings;
  const Embeddings fresh =
      embed_prompts(encoder_, tokenize_prompts(tokenizer_, config_, texts, truncate_));
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const float* from = fresh.row(static_cast<std::int64_t>(i));
    std::copy(from, from + dim, place(missing[i]));
    rows_.add(texts[i], std::make_shared<const Row>(from, from + dim), dim * sizeof(float));
  }
  return embeddings;
}

void TextCache::prepare(const std::vector<std::string>& prompts) {
  std::vector<std::string> fitting;
  std::unordered_set<std::string> seen;
  for (const std::string& prompt : prompts) {
    if (rows_.find(prompt) != nullptr || !seen.insert(prompt).second) continue;
    try {
      tokenize_prompts(tokenizer_, config_, {prompt}, truncate_);
      fitting.push_back(prompt);
    } catch (const Error&) {
      // Whoever asks for it is told.
    }
  }
  if (!fitting.empty()) embed(fitting);
}

}  // namespace clip
