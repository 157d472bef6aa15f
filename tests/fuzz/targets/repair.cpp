// The repair of text: character references and wrongly decoded text.
#include "base/utf8.h"
#include "fuzz.h"
#include "text/clip_bpe/fix_text.h"
#include "text/clip_bpe/html_unescape.h"
#include "text/clip_bpe/mojibake.h"
#include "text/clip_bpe/unicode.h"

void clip_fuzz::read_input(std::string_view input) {
  const std::u32string text = clip::decode_utf8(input);
  for (const auto repair : {clip::html_unescape, clip::unescape_certain, clip::fix_text}) {
    require(clip::is_utf8(clip::encode_utf8(repair(text))), "a repaired text is Unicode");
  }
  const std::u32string once = clip::fix_encoding(text);
  require(clip::fix_encoding(once) == once, "what was repaired once stays as it is");
}
