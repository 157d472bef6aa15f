#include "text/clip_bpe/mojibake.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/utf8.h"
#include "text/clip_bpe/badness.h"
#include "text/clip_bpe/code_pages.h"
#include "text/clip_bpe/unicode.h"
#include "text/clip_bpe/windows_1252.h"

namespace clip {
namespace {

using Bytes = std::bitset<256>;
using BytePattern = std::vector<Bytes>;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

Bytes one_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.set(static_cast<std::size_t>(value));
  return bytes;
}

Bytes between(int first, int last) {
  Bytes bytes;
  for (int value = first; value <= last; ++value) bytes.set(static_cast<std::size_t>(value));
  return bytes;
}

// The length of the first pattern that the bytes have at `at`, or 0.
std::size_t matched(const std::vector<BytePattern>& patterns, std::string_view bytes,
                    std::size_t at) {
  for (const BytePattern& pattern : patterns) {
    if (pattern.size() > bytes.size() - at) continue;
    std::size_t i = 0;
    while (i < pattern.size() && pattern[i].test(byte_at(bytes, at + i))) ++i;
    if (i == pattern.size()) return i;
  }
  return 0;
}

// UTF-8 in which a byte A0, a no-break space in most encodings, has become a space. Only where the
// character is one that people write.
const std::vector<BytePattern>& sequences_with_a_space() {
  static const std::vector<BytePattern> patterns = [] {
    const Bytes space = one_of({' '}), any = between(0x80, 0xbf);
    const Bytes likely = any & ~one_of({0x85, 0xa0});
    const Bytes f0 = one_of({0xf0});
    return std::vector<BytePattern>{
        {one_of({0xc2, 0xc3, 0xc5, 0xce, 0xd0, 0xd9}), space},
        {one_of({0xe2, 0xe3}), space, likely},
        {between(0xe0, 0xe3), likely, space},
        {f0, space, any, any},
        {f0, any, space, any},
        {f0, any, any, space},
    };
  }();
  return patterns;
}

// UTF-8 of which a byte was lost: 1A stands for it, in some places a question mark.
const std::vector<BytePattern>& sequences_with_a_loss() {
  static const std::vector<BytePattern> patterns = [] {
    const Bytes lost = one_of({0x1a}), asked = one_of({0x1a, '?'}), next = between(0x80, 0xbf);
    const Bytes next_or_lost = next | lost, next_or_asked = next | asked;
    const Bytes ed = one_of({0xed}), high = between(0xa0, 0xaf), low = between(0xb0, 0xbf);
    const Bytes of_3 = between(0xe0, 0xef), of_4 = between(0xf0, 0xf4);
    return std::vector<BytePattern>{
        {between(0xc2, 0xdf), lost},
        {between(0xc2, 0xc3), one_of({'?'})},
        {ed, high, asked, ed, low, next_or_asked},
        {ed, high, next_or_asked, ed, low, asked},
        {of_3, asked, next_or_lost},
        {of_3, next_or_lost, asked},
        {of_4, asked, next_or_lost, next_or_lost},
        {of_4, next_or_lost, asked, next_or_lost},
        {of_4, next_or_lost, next_or_lost, asked},
        {lost},
    };
  }();
  return patterns;
}

// C3 and a space are most often the word "à"; then the space is one, too. Not in words of
// Portuguese that begin with it.
bool is_the_word_a(std::string_view bytes, std::size_t at) {
  if (bytes.substr(at, 2) != "\xc3 ") return false;
  const std::string_view rest = bytes.substr(at + 2);
  for (const std::string_view other : {" ", "quele", "quela", "quilo", "s "}) {
    if (rest.substr(0, other.size()) == other) return false;
  }
  return true;
}

std::string restore_no_break_spaces(const std::string& bytes) {
  const auto& patterns = sequences_with_a_space();
  bool found = false;
  for (std::size_t at = 0; at < bytes.size() && !found; ++at) found = matched(patterns, bytes, at);
  if (!found) return bytes;
  std::string words;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    words += bytes[at];
    if (is_the_word_a(bytes, at)) words += '\xa0';
  }
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t length = matched(patterns, words, at);
    std::replace(words.begin() + static_cast<std::ptrdiff_t>(at),
                 words.begin() + static_cast<std::ptrdiff_t>(at + length), ' ', '\xa0');
    at += std::max<std::size_t>(length, 1);
  }
  return words;
}

std::string replace_losses(const std::string& bytes) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
  std::string replaced;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = matched(sequences_with_a_loss(), bytes, at);
    if (length == 0) {
      replaced += bytes[at++];
    } else {
      replaced += kReplacement;
      at += length;
    }
  }
  return replaced;
}

// CESU-8, whose characters beyond U+FFFF are pairs of surrogates, and Java's C0 80 for NUL, as
// UTF-8. ftfy takes a C0 in front of the last line break for such a NUL, and so does this.
std::string standard_utf8(std::string_view bytes) {
  static const std::vector<BytePattern> pair = {{one_of({0xed}), between(0xa0, 0xaf),
                                                 between(0x80, 0xbf), one_of({0xed}),
                                                 between(0xb0, 0xbf), between(0x80, 0xbf)}};
  std::string standard;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view rest = bytes.substr(at);
    if (rest.substr(0, 2) == "\xc0\x80" || rest == "\xc0\n") {
      standard += '\0';
      at += 2;
    } else if (matched(pair, bytes, at) > 0) {
      const char32_t high = (byte_at(rest, 1) & 0x0fU) << 6 | (byte_at(rest, 2) & 0x3fU);
      const char32_t low = (byte_at(rest, 4) & 0x0fU) << 6 | (byte_at(rest, 5) & 0x3fU);
      append_utf8(0x10000 + (high << 10 | low), &standard);
      at += 6;
    } else {
      standard += bytes[at++];
    }
  }
  return standard;
}

// The text as UTF-8 that was decoded with the code page; nothing where it cannot have been.
std::optional<std::u32string> decoded_again(const CodePage& page, std::u32string_view text) {
  std::optional<std::string> bytes = page.encode(text);
  if (!bytes) return std::nullopt;
  // In MacRoman this would take dashes in front of spaces for letters.
  if (page.name() != "macintosh") bytes = restore_no_break_spaces(*bytes);
  if (page.is_loose()) bytes = replace_losses(*bytes);
  bytes = standard_utf8(*bytes);
  if (!is_utf8(*bytes)) return std::nullopt;
  return decode_utf8(*bytes);
}

// The characters that single bytes of UTF-8 become in the encodings of the Latin, Greek and
// Cyrillic alphabets.
class Clues {
 public:
  Clues() {
    // ISO-8859-2, MacRoman and code page 437 are left out.
    constexpr std::size_t kPages = 7;
    for (std::size_t i = 0; i < kPages; ++i) {
      const CodePage& page = code_pages()[i];
      for (int byte = 0x80; byte <= 0xff; ++byte) {
        const char32_t c = page.character(static_cast<std::uint8_t>(byte));
        if (byte <= 0xbf) continuation_.insert(c);
        if (byte >= 0xc2 && byte <= 0xdf) firsts_[0].insert(c);
        if (byte >= 0xe0 && byte <= 0xef) firsts_[1].insert(c);
        // Others lead to characters that are not assigned.
        if (byte == 0xf0 || byte == 0xf3) firsts_[2].insert(c);
      }
    }
    continuation_.insert(U' ');  // for a no-break space
    strict_ = continuation_;
    for (const char32_t c :
         U" \u2013\u2014\u2015\u2018\u2019\u201a\u201c\u201d\u201e\u2022\u2026") {
      strict_.erase(c);
    }
  }

  // The end of the sequences that may be UTF-8, one behind the other from `at` on; `at` for none.
  std::size_t end_of(std::u32string_view text, std::size_t at) const {
    for (;;) {
      const std::size_t length = sequence(text, at);
      if (length == 0) return at;
      at += length;
    }
  }

  // Whether a character in front of a sequence belongs to some larger damage.
  bool is_strict(char32_t c) const { return strict_.count(c) > 0; }

 private:
  std::size_t sequence(std::u32string_view text, std::size_t at) const {
    if (at >= text.size()) return 0;
    for (std::size_t i = 0; i < firsts_.size(); ++i) {
      const std::size_t length = i + 2;
      if (firsts_[i].count(text[at]) == 0 || length > text.size() - at) continue;
      const auto rest = text.substr(at + 1, length - 1);
      const bool all = std::all_of(rest.begin(), rest.end(),
                                   [this](char32_t c) { return continuation_.count(c) > 0; });
      if (all) return length;
    }
    return 0;
  }

  std::array<std::unordered_set<char32_t>, 3> firsts_;  // of sequences of 2, 3 and 4
  std::unordered_set<char32_t> continuation_, strict_;
};

// Repairs pieces that look like UTF-8 in a text that is not such as a whole.
std::u32string fix_pieces(const std::u32string& text) {
  static const Clues clues;
  std::u32string fixed;
  for (std::size_t at = 0; at < text.size();) {
    const bool may_begin = at == 0 || !clues.is_strict(text[at - 1]);
    const std::size_t end = may_begin ? clues.end_of(text, at) : at;
    if (end == at) {
      fixed += text[at++];
      continue;
    }
    const std::u32string piece = text.substr(at, end - at);
    const bool is_wrong = piece.size() < text.size() && looks_wrongly_decoded(piece);
    fixed += is_wrong ? fix_encoding(piece) : piece;
    at = end;
  }
  return fixed;
}

bool is_control(char32_t c) {
  return c >= 0x80 && c <= 0x9f;
}

// Control characters as what Windows-1252 has in their place.
std::u32string without_controls(std::u32string text) {
  for (char32_t& c : text) {
    if (is_control(c)) c = windows_1252(c);
  }
  return text;
}

std::u32string fixed_once(const std::u32string& text) {
  if (!looks_wrongly_decoded(text)) return text;
  for (const CodePage& page : code_pages()) {
    if (auto fixed = decoded_again(page, text)) return *fixed;
  }
  std::u32string fixed = fix_pieces(text);
  return fixed != text ? fixed : without_controls(std::move(fixed));
}

}  // namespace

std::u32string fix_encoding(std::u32string text) {
  for (;;) {
    std::u32string fixed = fixed_once(text);
    if (fixed == text) return text;
    text = std::move(fixed);
  }
}

}  // namespace clip
