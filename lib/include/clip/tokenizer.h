/// \file
/// Text to the ids that a text tower reads. Immutable after construction and safe to share between
/// threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

/// The ids of one prompt.
using TokenIds = std::vector<std::int32_t>;

/// A vocabulary, and how text becomes ids of it.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// The ids of any bytes, without start and end tokens. What is not UTF-8 counts as U+FFFD.
  virtual TokenIds encode(std::string_view text) const = 0;

  /// As the text tower reads them: the start token, the ids, the end token; not padded. More than
  /// `context_length` of them are an Error (kLimit) that names the text and its length, or, with
  /// `truncate`, cut to the first context_length - 1 and the end token.
  virtual TokenIds encode_prompt(std::string_view text, std::int64_t context_length,
                                 bool truncate) const = 0;

  /// What an id stands for, to read: "photo</w>" where a word ends, bytes that are no whole
  /// characters as `\xNN`. `id` must be of the vocabulary.
  virtual std::string piece(std::int32_t id) const = 0;

  virtual std::int32_t vocab_size() const = 0;     ///< ids that there are
  virtual std::int32_t start_of_text() const = 0;  ///< the id that a prompt begins with
  virtual std::int32_t end_of_text() const = 0;    ///< and ends with
};

/// CLIP's own byte-pair encoding, with OpenAI's cleaning in front. Needs no file: the merges are in
/// the binary. Takes a few milliseconds.
std::unique_ptr<Tokenizer> make_clip_tokenizer();

}  // namespace clip
