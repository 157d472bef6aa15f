#include "pipeline/prompts.h"

#include <fmt/format.h>

#include "error.h"

namespace clip {
namespace {

// An export for another tokenizer would take our ids for other words, and answer nonsense.
void check_vocabulary(const ModelConfig& config) {
  if (config.text.vocab_size == Tokenizer::kVocabularySize &&
      config.start_of_text == Tokenizer::kStartOfText &&
      config.end_of_text == Tokenizer::kEndOfText) {
    return;
  }
  throw Error(fmt::format(
      "the model has a vocabulary of {} with start {} and end {}, but clip-cli tokenizes for "
      "CLIP's own: {} with {} and {}",
      config.text.vocab_size, config.start_of_text, config.end_of_text, Tokenizer::kVocabularySize,
      Tokenizer::kStartOfText, Tokenizer::kEndOfText));
}

}  // namespace

std::vector<TokenIds> tokenize_prompts(const Tokenizer& tokenizer, const ModelConfig& config,
                                       const std::vector<std::string>& prompts, bool truncate) {
  check_vocabulary(config);
  std::vector<TokenIds> ids;
  ids.reserve(prompts.size());
  for (const std::string& prompt : prompts) {
    ids.push_back(tokenizer.encode_for_context(prompt, static_cast<int>(config.text.context_length),
                                               truncate));
  }
  return ids;
}

Embeddings embed_prompts(Encoder* encoder, const std::vector<TokenIds>& prompts) {
  Embeddings embeddings = encoder->encode_texts(prompts);
  normalize(&embeddings);
  return embeddings;
}

}  // namespace clip
