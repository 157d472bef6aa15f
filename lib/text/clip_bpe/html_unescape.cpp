#include "text/clip_bpe/html_unescape.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/embedded_file.h"
#include "text/clip_bpe/windows_1252.h"

// data/html5/entities.tsv, inside the binary.
extern "C" const clip::EmbeddedFile clip_entities[];

namespace clip {
namespace {

struct Entity {
  std::u32string text;
  bool capitals_only = false;  // not HTML's, only ftfy's
};

class Entities {
 public:
  Entities() {
    std::string_view rest = clip_entities[0].bytes();
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      const auto tab = line.find('\t');
      if (tab == std::string_view::npos) continue;
      Entity entity;
      std::string_view name = line.substr(0, tab);
      if (name[0] == '^') {
        entity.capitals_only = true;
        name.remove_prefix(1);
      }
      char32_t point = 0;
      for (const char c : line.substr(tab + 1)) {
        if (c == ' ') {
          entity.text += point;
          point = 0;
        } else {
          point = point * 16 + static_cast<char32_t>(c <= '9' ? c - '0' : c - 'A' + 10);
        }
      }
      entity.text += point;
      by_name_.emplace(name, std::move(entity));
    }
  }

  // `name` is ASCII, with its semicolon if it has one.
  const Entity* find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &found->second;
  }

  const Entity* find_in_html(std::string_view name) const {
    const Entity* entity = find(name);
    return entity != nullptr && !entity->capitals_only ? entity : nullptr;
  }

 private:
  std::unordered_map<std::string_view, Entity> by_name_;
};

// Built when a text with "&" first comes along; most never do.
const Entities& entities() {
  static const Entities table;
  return table;
}

bool is_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}
bool is_hex_digit(char32_t c) {
  return is_digit(c) || (c >= U'a' && c <= U'f') || (c >= U'A' && c <= U'F');
}
bool is_alphanumeric(char32_t c) {
  return is_digit(c) || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
}

// What a number stands for: control characters of Windows-1252 are taken as the characters that
// were meant, code points that no text may hold vanish or become U+FFFD.
std::u32string character_of(std::uint32_t number) {
  if (number == 0 || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff)) return U"\ufffd";
  if (number == 0x0d) return U"\r";
  if (number >= 0x80 && number <= 0x9f) return {windows_1252(number)};
  const bool control =
      number <= 0x08 || number == 0x0b || (number >= 0x0e && number <= 0x1f) || number == 0x7f;
  const bool noncharacter = (number >= 0xfdd0 && number <= 0xfdef) || (number & 0xfffe) == 0xfffe;
  if (control || noncharacter) return U"";
  return {static_cast<char32_t>(number)};
}

// "#123", "#x1F": the digits' end after `at` (which is behind the "#"), and their value, saturated.
struct Number {
  std::size_t end = 0;  // 0: there are no digits
  std::uint32_t value = 0;
};

Number parse_number(std::u32string_view text, std::size_t at) {
  const bool hex = at < text.size() && (text[at] == U'x' || text[at] == U'X');
  if (hex) ++at;
  Number number;
  for (; at < text.size() && (hex ? is_hex_digit(text[at]) : is_digit(text[at])); ++at) {
    const char32_t c = text[at];
    const std::uint32_t digit = is_digit(c) ? c - U'0' : (c | 0x20) - U'a' + 10;
    number.value = std::min<std::uint32_t>(number.value * (hex ? 16 : 10) + digit, 0x110000);
    number.end = at + 1;
  }
  return number;
}

// Resolves the reference at text[at] == '&' as HTML does. Returns where it ends, and appends what
// it stands for; `at` itself when there is none.
std::size_t resolve_html(std::u32string_view text, std::size_t at, std::u32string* out) {
  std::size_t next = at + 1;
  if (next < text.size() && text[next] == U'#') {
    const Number number = parse_number(text, next + 1);
    if (number.end == 0) return at;
    *out += character_of(number.value);
    return number.end < text.size() && text[number.end] == U';' ? number.end + 1 : number.end;
  }
  // A name: up to 32 characters that can stand in one. Names are ASCII, so others end the search.
  constexpr std::size_t kMaxCharacters = 32;
  std::string name;
  while (next < text.size() && name.size() < kMaxCharacters && is_alphanumeric(text[next])) {
    name += static_cast<char>(text[next++]);
  }
  if (name.empty()) return at;
  if (next < text.size() && text[next] == U';') {
    if (const Entity* entity = entities().find_in_html(name + ';')) {
      *out += entity->text;
      return next + 1;
    }
  }
  for (std::size_t size = name.size(); size >= 2; --size) {
    if (const Entity* entity = entities().find_in_html(std::string_view(name).substr(0, size))) {
      *out += entity->text;
      return at + 1 + size;
    }
  }
  return at;
}

// As resolve_html, by ftfy's rule: &#?[0-9A-Za-z]{1,24};
std::size_t resolve_certain(std::u32string_view text, std::size_t at, std::u32string* out) {
  constexpr std::size_t kMaxCharacters = 24;
  std::size_t next = at + 1;
  const bool numeric = next < text.size() && text[next] == U'#';
  if (numeric) ++next;
  std::string name;
  while (next < text.size() && name.size() <= kMaxCharacters && is_alphanumeric(text[next])) {
    name += static_cast<char>(text[next++]);
  }
  const bool closed = next < text.size() && text[next] == U';';
  if (name.empty() || name.size() > kMaxCharacters || !closed) return at;
  if (numeric) {
    const Number number = parse_number(text, at + 2);
    if (number.end != next) return at;
    *out += character_of(number.value);
    return next + 1;
  }
  const Entity* entity = entities().find(name + ';');
  if (entity == nullptr) return at;
  *out += entity->text;
  return next + 1;
}

}  // namespace

std::u32string html_unescape(const std::u32string& text) {
  if (text.find(U'&') == std::u32string::npos) return text;
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text[at] == U'&' ? resolve_html(text, at, &out) : at;
    if (end == at) {
      out += text[at++];
    } else {
      at = end;
    }
  }
  return out;
}

std::u32string unescape_certain(const std::u32string& text) {
  if (text.find(U'&') == std::u32string::npos) return text;
  std::u32string source = text;
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < source.size();) {
    const std::size_t before = out.size();
    const std::size_t end = source[at] == U'&' ? resolve_certain(source, at, &out) : at;
    if (end == at) {
      out += source[at++];
    } else if (out.size() == before + 1 && out.back() == U'&') {
      // "&amp;" became "&": put it back before what follows, in the place of the semicolon.
      // Doing so here keeps "&amp;amp;amp;..." linear, where repeating the whole pass is not.
      out.pop_back();
      at = end - 1;
      source[at] = U'&';
    } else {
      at = end;
    }
  }
  return out;
}

}  // namespace clip
