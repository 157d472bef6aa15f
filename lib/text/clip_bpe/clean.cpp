#include "text/clip_bpe/clean.h"

#include <array>

#include "text/clip_bpe/fix_text.h"
#include "text/clip_bpe/html_unescape.h"
#include "text/clip_bpe/unicode.h"

namespace clip {
namespace {

// What becomes of each byte of a text in which nothing is for ICU or the repairs: its lower case, a
// space, or 0 for a byte that makes the text another one. Most prompts are such texts.
constexpr std::array<char, 256> plain_bytes() {
  std::array<char, 256> bytes{};
  for (int byte = 0x20; byte < 0x7f; ++byte) bytes[byte] = static_cast<char>(byte);
  for (int byte = 'A'; byte <= 'Z'; ++byte) bytes[byte] = static_cast<char>(byte + ('a' - 'A'));
  for (const char space : {'\t', '\n', '\r', '\f'}) bytes[static_cast<int>(space)] = ' ';
  bytes['&'] = 0;
  return bytes;
}

constexpr std::array<char, 256> kPlainBytes = plain_bytes();

// False, and nothing of use in `out`, when the text is not plain.
bool clean_plain(std::string_view text, std::string* out) {
  out->resize(text.size());
  char* const first = out->data();
  char* end = first;
  char before = ' ';
  for (const char c : text) {
    const char byte = kPlainBytes[static_cast<unsigned char>(c)];
    if (byte == 0) return false;
    *end = byte;
    // A space behind a space, or at the start, is overwritten by what follows.
    end += byte != ' ' || before != ' ';
    before = byte;
  }
  if (end != first && end[-1] == ' ') --end;
  out->resize(static_cast<std::size_t>(end - first));
  return true;
}

std::u32string collapse_white_space(const std::u32string& text) {
  std::u32string out;
  bool space = false;
  for (const char32_t c : text) {
    if (is_white_space(c)) {
      space = !out.empty();
      continue;
    }
    if (space) out += U' ';
    space = false;
    out += c;
  }
  return out;
}

}  // namespace

std::string clean(std::string_view text) {
  std::string plain;
  if (clean_plain(text, &plain)) return plain;
  const std::u32string fixed = fix_text(decode_utf8(text));
  return encode_utf8(lower(collapse_white_space(html_unescape(html_unescape(fixed)))));
}

}  // namespace clip
