#include "base/excerpt.h"

#include <algorithm>

#include "base/utf8.h"

namespace clip {

std::string excerpt(std::string_view text) {
  constexpr int kMaxCharacters = 60;
  constexpr const char* kReplacement = "\xef\xbf\xbd";
  std::string begin;
  std::size_t at = 0;
  for (int count = 0; at < text.size() && count < kMaxCharacters; ++count) {
    const std::size_t length = utf8_sequence_length(text, at);
    begin += length > 0 ? text.substr(at, length) : kReplacement;
    at += std::max<std::size_t>(length, 1);
  }
  return at < text.size() ? begin + "..." : begin;
}

}  // namespace clip
