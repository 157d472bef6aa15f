// From prompts to normalized embeddings.
#pragma once

#include <string>
#include <vector>

#include "encoder/encoder.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace clip {

// The ids of each prompt, start and end included. Throws Error for a prompt longer than the model's
// context (unless `truncate`), and for a model that was not made for CLIP's vocabulary.
std::vector<TokenIds> tokenize_prompts(const Tokenizer& tokenizer, const ModelConfig& config,
                                       const std::vector<std::string>& prompts, bool truncate);

// Normalized embeddings, [prompts, dim].
Embeddings embed_prompts(Encoder* encoder, const std::vector<TokenIds>& prompts);

}  // namespace clip
