#include "terminal/columns.h"

#include <sys/ioctl.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

namespace clip_cli {
namespace {

constexpr const char* kEllipsis = "\u2026";

int width_of(UChar32 character) {
  switch (u_charType(character)) {
    case U_NON_SPACING_MARK:
    case U_ENCLOSING_MARK:
    case U_FORMAT_CHAR:
      return 0;
    default:
      break;
  }
  // Unicode Standard Annex 11.
  const int width = u_getIntPropertyValue(character, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_FULLWIDTH || width == U_EA_WIDE ? 2 : 1;
}

struct Character {
  std::string_view bytes;
  int width;
};

std::vector<Character> characters(std::string_view text) {
  std::vector<Character> characters;
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t at = 0; at < size;) {
    const std::int64_t begin = at;
    UChar32 character = 0;
    U8_NEXT_OR_FFFD(reinterpret_cast<const std::uint8_t*>(text.data()), at, size, character);
    characters.push_back(
        {text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(at - begin)),
         width_of(character)});
  }
  return characters;
}

}  // namespace

int terminal_width(int descriptor) {
  winsize size = {};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

int display_width(std::string_view text) {
  int width = 0;
  for (const Character& character : characters(text)) width += character.width;
  return width;
}

std::string cut_to_width(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  std::string cut;
  int left = width - 1;
  for (const Character& character : characters(text)) {
    if (character.width > left) break;
    left -= character.width;
    cut += character.bytes;
  }
  return cut + kEllipsis;
}

std::string cut_middle(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  const auto all = characters(text);
  const int room = std::max(width - 1, 0);
  std::string front, back;
  int left = room / 3;
  for (auto character = all.begin(); character != all.end() && character->width <= left;
       ++character) {
    left -= character->width;
    front += character->bytes;
  }
  left = room - room / 3;
  for (auto character = all.rbegin(); character != all.rend() && character->width <= left;
       ++character) {
    left -= character->width;
    back.insert(0, character->bytes);
  }
  return front + kEllipsis + back;
}

std::string padded(std::string text, int width) {
  text.append(static_cast<std::size_t>(std::max(width - display_width(text), 0)), ' ');
  return text;
}

}  // namespace clip_cli
