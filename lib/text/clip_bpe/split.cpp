#include "text/clip_bpe/split.h"

#include <unicode/utf8.h>

#include <array>
#include <cstdint>

#include "text/clip_bpe/unicode.h"

namespace clip {
namespace {

enum class Kind : std::uint8_t { kSpace, kLetter, kNumber, kOther };

Kind kind_of(char32_t c) {
  if (is_letter(c)) return Kind::kLetter;
  if (is_number(c)) return Kind::kNumber;
  return is_white_space(c) ? Kind::kSpace : Kind::kOther;
}

constexpr std::array<Kind, 128> ascii_kinds() {
  std::array<Kind, 128> kinds{};
  for (std::size_t c = 0; c < kinds.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool number = c >= '0' && c <= '9';
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    kinds[c] = letter   ? Kind::kLetter
               : number ? Kind::kNumber
               : space  ? Kind::kSpace
                        : Kind::kOther;
  }
  return kinds;
}

constexpr std::array<Kind, 128> kAsciiKinds = ascii_kinds();

struct Character {
  Kind kind;
  std::size_t end;  // the byte behind it
};

inline Character character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(text[at]);
  if (first < 0x80) return {kAsciiKinds[first], at + 1};
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data());
  std::size_t end = at;
  UChar32 c;
  U8_NEXT_OR_FFFD(data, end, text.size(), c);
  return {kind_of(static_cast<char32_t>(c)), end};
}

// Where `pattern`, lower-case ASCII, ends when text has it at `at`, else `at`. Beside the other
// case of each letter, "s" also matches U+017F, the long s, which folds to it.
std::size_t match(std::string_view text, std::size_t at, std::string_view pattern) {
  std::size_t end = at;
  for (const char c : pattern) {
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (end < text.size() && (text[end] == c || text[end] == upper)) {
      ++end;
    } else if (c == 's' && text.substr(end, 2) == "\u017f") {
      end += 2;
    } else {
      return at;
    }
  }
  return end;
}

// Where the special token or contraction at `at` ends, or `at`.
std::size_t match_fixed(std::string_view text, std::size_t at) {
  constexpr std::string_view kSpecials[] = {"<|startoftext|>", "<|endoftext|>"};
  constexpr std::string_view kContractions[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  if (text[at] == '<') {
    for (const auto special : kSpecials) {
      if (const std::size_t end = match(text, at, special); end != at) return end;
    }
  } else if (text[at] == '\'') {
    for (const auto contraction : kContractions) {
      if (const std::size_t end = match(text, at, contraction); end != at) return end;
    }
  }
  return at;
}

}  // namespace

std::string_view next_word(std::string_view text, std::size_t* at) {
  while (*at < text.size()) {
    const std::size_t start = *at;
    const std::size_t fixed = match_fixed(text, start);
    if (fixed != start) {
      *at = fixed;
      return text.substr(start, fixed - start);
    }
    const Character first = character_at(text, start);
    *at = first.end;
    if (first.kind == Kind::kSpace) continue;
    while (first.kind != Kind::kNumber && *at < text.size()) {
      const Character next = character_at(text, *at);
      if (next.kind != first.kind) break;
      *at = next.end;
    }
    return text.substr(start, *at - start);
  }
  return {};
}

}  // namespace clip
