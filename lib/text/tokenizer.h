// CLIP's tokenizer: text to the ids of OpenAI's vocabulary. Needs no file: the merges are in the
// binary. Immutable after construction (a few milliseconds) and safe to share between threads.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/merges.h"

namespace clip {

class Tokenizer {
 public:
  static constexpr std::int32_t kStartOfText = 49406;
  static constexpr std::int32_t kEndOfText = 49407;
  static constexpr std::int32_t kVocabularySize = 49408;

  // The ids of any bytes, without start and end tokens: cleaned, split, encoded. What is not UTF-8
  // counts as U+FFFD. "<|startoftext|>" and "<|endoftext|>" in the text become those tokens.
  std::vector<std::int32_t> encode(std::string_view text) const;

  // As the text tower reads them: the start token, the ids, the end token; not padded. More than
  // `context_length` of them are an Error that names the text and its length, or, with `truncate`,
  // cut to the first context_length - 1 and the end token.
  std::vector<std::int32_t> encode_for_context(std::string_view text, int context_length,
                                               bool truncate) const;

  // What an id stands for, to read: "photo</w>" where a word ends, bytes that are no whole
  // characters as \xNN. `id` must be of the vocabulary.
  std::string piece(std::int32_t id) const;

 private:
  void encode_word(std::string_view word, std::vector<std::int32_t>* ids) const;

  Merges merges_;
};

}  // namespace clip
