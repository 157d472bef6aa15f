#include "text/clip_bpe/fix_text.h"

#include <string_view>

#include "text/clip_bpe/html_unescape.h"
#include "text/clip_bpe/mojibake.h"
#include "text/clip_bpe/unicode.h"
#include "text/clip_bpe/windows_1252.h"

namespace clip {
namespace {

// Latin ligatures and digraphs as the letters that they show; empty for all others. Croatian
// digraphs and the ligatures of Unicode's Alphabetic Presentation Forms.
std::u32string_view ligature_letters(char32_t c) {
  switch (c) {
    case 0x0132:
      return U"IJ";
    case 0x0133:
      return U"ij";
    case 0x0149:
      return U"\u02bcn";
    case 0x01f1:
      return U"DZ";
    case 0x01f2:
      return U"Dz";
    case 0x01f3:
      return U"dz";
    case 0x01c4:
      return U"D\u017d";
    case 0x01c5:
      return U"D\u017e";
    case 0x01c6:
      return U"d\u017e";
    case 0x01c7:
      return U"LJ";
    case 0x01c8:
      return U"Lj";
    case 0x01c9:
      return U"lj";
    case 0x01ca:
      return U"NJ";
    case 0x01cb:
      return U"Nj";
    case 0x01cc:
      return U"nj";
    case 0xfb00:
      return U"ff";
    case 0xfb01:
      return U"fi";
    case 0xfb02:
      return U"fl";
    case 0xfb03:
      return U"ffi";
    case 0xfb04:
      return U"ffl";
    case 0xfb05:
      return U"\u017ft";
    case 0xfb06:
      return U"st";
    default:
      return {};
  }
}

// Half-width and full-width forms; U+3000 is the full-width space.
bool is_width_form(char32_t c) {
  return c >= 0xff01 && c <= 0xffef;
}

bool is_removed_control(char32_t c) {
  return c <= 0x08 || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
         (c >= 0x206a && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

bool is_line_break(char32_t c) {
  return c == U'\r' || c == 0x2028 || c == 0x2029;
}

bool is_single_quote(char32_t c) {
  return c == 0x02bc || (c >= 0x2018 && c <= 0x201b);
}
bool is_double_quote(char32_t c) {
  return c >= 0x201c && c <= 0x201f;
}

// The repairs that look at one character, in ftfy's order: a control character of Windows-1252 may
// turn out to be a quote, a ligature may hold one.
void append_repaired(char32_t c, std::u32string* out) {
  if (c >= 0x80 && c <= 0x9f) c = windows_1252(c);
  if (const auto letters = ligature_letters(c); !letters.empty()) {
    for (const char32_t letter : letters) *out += is_single_quote(letter) ? U'\'' : letter;
  } else if (c == 0x3000) {
    *out += U' ';
  } else if (is_width_form(c)) {
    *out += normalize_nfkc({c});
  } else if (is_single_quote(c)) {
    *out += U'\'';
  } else if (is_double_quote(c)) {
    *out += U'"';
  } else if (is_line_break(c)) {
    *out += U'\n';
  } else {
    *out += c;
  }
}

// Where the escape sequence at text[at] == ESC ends: ESC [ digits and semicolons, a letter.
std::size_t terminal_escape_end(std::u32string_view text, std::size_t at) {
  if (at + 1 >= text.size() || text[at + 1] != U'[') return at;
  std::size_t end = at + 2;
  while (end < text.size() && ((text[end] >= U'0' && text[end] <= U'9') || text[end] == U';')) {
    ++end;
  }
  const char32_t last = end < text.size() ? text[end] | 0x20 : U'\0';
  return last >= U'a' && last <= U'z' ? end + 1 : at;
}

std::u32string remove_controls(const std::u32string& text) {
  std::u32string without_escapes;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text[at] == 0x1b ? terminal_escape_end(text, at) : at;
    if (end == at) {
      without_escapes += text[at++];
    } else {
      at = end;
    }
  }
  std::u32string out;
  for (const char32_t c : without_escapes) {
    if (!is_removed_control(c)) out += c;
  }
  return out;
}

std::u32string repair_once(const std::u32string& text, bool unescape) {
  const std::u32string source = fix_encoding(unescape ? unescape_certain(text) : text);
  std::u32string repaired;
  repaired.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    // \r\n is one line break.
    if (source[i] == U'\r' && i + 1 < source.size() && source[i + 1] == U'\n') continue;
    append_repaired(source[i], &repaired);
  }
  return normalize_nfc(remove_controls(repaired));
}

}  // namespace

std::u32string fix_text(const std::u32string& text) {
  std::u32string fixed;
  bool unescape = true;
  // ftfy goes line by line, and takes a text with "<" in it as HTML from there on, whose references
  // are meant.
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t newline = text.find(U'\n', begin);
    const std::size_t end = newline == std::u32string::npos ? text.size() : newline + 1;
    std::u32string line = text.substr(begin, end - begin);
    if (line.find(U'<') != std::u32string::npos) unescape = false;
    // One repair can uncover another ("&amp;eacute;"), so until nothing changes.
    for (std::u32string before; before != line;) {
      before = line;
      line = repair_once(before, unescape);
    }
    fixed += line;
    begin = end;
  }
  return fixed;
}

}  // namespace clip
