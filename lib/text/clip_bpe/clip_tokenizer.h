// CLIP's tokenizer: OpenAI's cleaning (clean.h), splitting into words (split.h), and byte-pair
// merges (merges.h). "<|startoftext|>" and "<|endoftext|>" in a text become those tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clip/tokenizer.h"
#include "text/clip_bpe/merges.h"

namespace clip {

class ClipTokenizer : public Tokenizer {
 public:
  static constexpr std::int32_t kStartOfText = 49406;
  static constexpr std::int32_t kEndOfText = 49407;
  static constexpr std::int32_t kVocabSize = 49408;

  TokenIds encode(std::string_view text) const override;
  TokenIds encode_prompt(std::string_view text, std::int64_t context_length,
                         bool truncate) const override;
  std::string piece(std::int32_t id) const override;

  std::int32_t vocab_size() const override { return kVocabSize; }
  std::int32_t start_of_text() const override { return kStartOfText; }
  std::int32_t end_of_text() const override { return kEndOfText; }

 private:
  void encode_word(std::string_view word, TokenIds* ids) const;

  Merges merges_;
};

}  // namespace clip
