#include "text/clean.h"

#include <algorithm>

#include "text/fix_text.h"
#include "text/html_unescape.h"
#include "text/unicode.h"

namespace clip {
namespace {

bool is_ascii_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

// Nothing in such a text is for ICU or the repairs: most prompts.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 0x20 && c < 0x7f && c != '&') || is_ascii_space(c);
  });
}

std::string clean_plain(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool space = false;
  for (const char c : text) {
    if (is_ascii_space(c)) {
      space = !out.empty();
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return out;
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
  if (is_plain(text)) return clean_plain(text);
  const std::u32string fixed = fix_text(decode_utf8(text));
  return encode_utf8(lower(collapse_white_space(html_unescape(html_unescape(fixed)))));
}

}  // namespace clip
