// What text towers ask of prompts, whichever way they are computed.
#pragma once

#include <cstdint>
#include <vector>

#include "clip/model_config.h"
#include "clip/tokenizer.h"

namespace clip {

// Throws Error (kInvalidArgument) for a prompt that is empty or longer than the context, or has an
// id that is not in the vocabulary.
void check_prompts(const std::vector<TokenIds>& prompts, const TextConfig& config);

// Tokens up to the end of the text, which has the highest id, at its first occurrence: as OpenAI's
// text.argmax(dim=-1) finds it. What stands behind it cannot be seen from there.
std::int64_t length_of(const TokenIds& ids);

}  // namespace clip
