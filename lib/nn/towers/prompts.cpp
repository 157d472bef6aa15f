#include "nn/towers/prompts.h"

#include <fmt/format.h>

#include <algorithm>

#include "clip/error.h"

namespace clip {

void check_prompts(const std::vector<TokenIds>& prompts, const TextConfig& config) {
  for (const TokenIds& ids : prompts) {
    if (ids.empty() || static_cast<std::int64_t>(ids.size()) > config.context_length) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("a prompt has {} tokens, expected 1 to {}", ids.size(),
                              config.context_length));
    }
    for (const std::int32_t id : ids) {
      if (id < 0 || id >= config.vocab_size) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("token {} is not one of the model's {}", id, config.vocab_size));
      }
    }
  }
}

std::int64_t length_of(const TokenIds& ids) {
  return std::max_element(ids.begin(), ids.end()) - ids.begin() + 1;
}

}  // namespace clip
