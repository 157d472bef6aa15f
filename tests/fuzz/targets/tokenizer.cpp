// A text to ids, with all cleaning in front.
#include "clip/tokenizer.h"

#include "base/utf8.h"
#include "clip/error.h"
#include "fuzz.h"
#include "text/clip_bpe/clean.h"

void clip_fuzz::read_input(std::string_view input) {
  static const auto tokenizer = clip::make_clip_tokenizer();
  const std::string cleaned = clip::clean(input);
  require(clip::is_utf8(cleaned), "a text that was cleaned is UTF-8");
  require(cleaned.find("  ") == std::string::npos &&
              (cleaned.empty() || (cleaned.front() != ' ' && cleaned.back() != ' ')),
          "a text that was cleaned has single spaces, and none at its ends");
  const clip::TokenIds ids = tokenizer->encode(input);
  for (const std::int32_t id : ids) {
    require(id >= 0 && id < tokenizer->vocab_size(), "ids are of the vocabulary");
    require(!tokenizer->piece(id).empty(), "ids stand for something");
  }
  const clip::TokenIds cut = tokenizer->encode_prompt(input, 77, /*truncate=*/true);
  require(cut.size() >= 2 && cut.size() <= 77 && cut.front() == tokenizer->start_of_text() &&
              cut.back() == tokenizer->end_of_text(),
          "a prompt has its marks and fits the context");
  tokenizer->encode_prompt(input, 77, /*truncate=*/false);
}
