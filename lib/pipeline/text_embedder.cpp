#include "clip/text_embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/excerpt.h"
#include "clip/error.h"
#include "pipeline/blocking_openmp_wait.h"
#include "pipeline/embedding_check.h"
#include "pipeline/lru_cache.h"

namespace clip {
namespace {

using Row = std::vector<float>;  // [dim], normalized

}  // namespace

struct TextEmbedder::Parts {
  Parts(std::shared_ptr<const Model> of_model, const TextOptions& with)
      : model(std::move(of_model)), options(with), cache(with.cache_bytes) {}

  TokenIds tokenize(const std::string& prompt) const {
    return model->tokenizer().encode_prompt(prompt, model->config().text.context_length,
                                            options.truncate);
  }

  // Opens the encoder with the first call. An encoder that cannot be opened is not tried again.
  TextEncoder& open_encoder() {
    if (open_error) throw *open_error;
    if (encoder == nullptr) {
      try {
        blocking_wait.emplace(options.encoder.threads);
        encoder = open_text_encoder(model, options.encoder);
      } catch (const Error& error) {
        open_error = error;
        throw;
      }
    }
    return *encoder;
  }

  // Not normalized, [prompts, dim].
  Embeddings encode(const std::vector<TokenIds>& prompts) {
    Embeddings rows = open_encoder().encode(prompts);
    check_shape(rows, static_cast<std::int64_t>(prompts.size()), *model);
    return rows;
  }

  void keep(const std::string& prompt, const float* row, std::int64_t dim) {
    cache.add(prompt, std::make_shared<const Row>(row, row + dim),
              static_cast<std::size_t>(dim) * sizeof(float));
  }

  bool caches() const { return options.cache_bytes > 0; }

  const std::shared_ptr<const Model> model;
  const TextOptions options;
  std::unique_ptr<TextEncoder> encoder;
  std::optional<Error> open_error;
  std::optional<BlockingOpenMpWait> blocking_wait;
  LruCache<Row> cache;
};

TextEmbedder::TextEmbedder(std::shared_ptr<const Model> model, const TextOptions& options)
    : parts_(std::make_unique<Parts>(std::move(model), options)) {}

TextEmbedder::~TextEmbedder() = default;

Embeddings TextEmbedder::embed(const std::vector<std::string>& prompts) {
  Embeddings embeddings;
  embeddings.count = static_cast<std::int64_t>(prompts.size());
  embeddings.dim = parts_->model->config().embedding_dim;

  // Where each prompt's row comes from: the cache, or a place among those that are computed.
  std::vector<std::shared_ptr<const Row>> cached(prompts.size());
  std::vector<std::size_t> places(prompts.size());
  std::vector<std::size_t> computed;  // prompts, in the order in which they came
  std::vector<TokenIds> ids;
  std::unordered_map<std::string_view, std::size_t> place_of;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (parts_->caches()) {
      cached[i] = parts_->cache.find(prompts[i]);
      if (cached[i] != nullptr) {
        // A model may not state its dimension; what it has given before tells.
        embeddings.dim = static_cast<std::int64_t>(cached[i]->size());
        continue;
      }
      const auto [place, is_new] = place_of.emplace(prompts[i], computed.size());
      places[i] = place->second;
      if (!is_new) continue;
    } else {
      places[i] = i;
    }
    computed.push_back(i);
    ids.push_back(parts_->tokenize(prompts[i]));
  }

  Embeddings fresh;
  if (!computed.empty()) {
    fresh = parts_->encode(ids);
    embeddings.dim = fresh.dim;
  }
  for (std::size_t place = 0; place < computed.size(); ++place) {
    const std::string& prompt = prompts[computed[place]];
    float* row = fresh.row(static_cast<std::int64_t>(place));
    const double norm = normalize(row, fresh.dim);
    if (!usable_norm(norm)) {
      throw unusable_embedding(fmt::format("the prompt \"{}\"", excerpt(prompt)), "prompt", norm);
    }
    if (parts_->caches()) parts_->keep(prompt, row, fresh.dim);
  }
  if (computed.size() == prompts.size()) {  // as they came
    embeddings.values = std::move(fresh.values);
    return embeddings;
  }
  const auto dim = static_cast<std::size_t>(embeddings.dim);
  embeddings.values.reserve(prompts.size() * dim);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const float* row =
        cached[i] != nullptr ? cached[i]->data() : fresh.row(static_cast<std::int64_t>(places[i]));
    embeddings.values.insert(embeddings.values.end(), row, row + dim);
  }
  return embeddings;
}

void TextEmbedder::prepare(const std::vector<std::string>& prompts) {
  if (!parts_->caches()) return;
  std::vector<const std::string*> fitting;
  std::vector<TokenIds> ids;
  std::unordered_set<std::string_view> seen;
  Embeddings fresh;
  try {
    for (const std::string& prompt : prompts) {
      if (parts_->cache.find(prompt) != nullptr || !seen.insert(prompt).second) continue;
      try {
        ids.push_back(parts_->tokenize(prompt));
        fitting.push_back(&prompt);
      } catch (const Error&) {
        // The call that asks for its embedding is told.
      }
    }
    if (fitting.empty()) return;
    fresh = parts_->encode(ids);
  } catch (const Error&) {
    return;  // likewise
  }
  for (std::size_t i = 0; i < fitting.size(); ++i) {
    float* row = fresh.row(static_cast<std::int64_t>(i));
    if (usable_norm(normalize(row, fresh.dim))) parts_->keep(*fitting[i], row, fresh.dim);
  }
}

}  // namespace clip
