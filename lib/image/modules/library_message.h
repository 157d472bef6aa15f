// What a library says of a file, to be quoted within one line: it may quote the file in turn.
#pragma once

#include <string>
#include <string_view>

namespace clip {

inline std::string library_message(std::string_view text) {
  constexpr std::size_t kMaxLength = 200;
  std::string line;
  for (const char c : text.substr(0, kMaxLength)) {
    const bool blank = c == '\n' || c == '\r' || c == '\t';
    line += c >= ' ' && c <= '~' ? c : blank ? ' ' : '?';
  }
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line.empty() ? "nothing" : line;
}

}  // namespace clip
