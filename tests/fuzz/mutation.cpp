#include "mutation.h"

#include <algorithm>
#include <cctype>

namespace clip_fuzz {
namespace {

const char* const kNumbers[] = {"0",          "-1",         "1",
                                "255",        "65536",      "2147483647",
                                "4294967295", "4294967296", "9223372036854775807",
                                "1e308",      "0.5",        "18446744073709551615"};

std::size_t below(std::size_t limit, std::mt19937_64* random) {
  return limit == 0 ? 0 : (*random)() % limit;
}

void replace_number(std::string* bytes, std::mt19937_64* random) {
  const std::size_t start = below(bytes->size(), random);
  std::size_t at = start;
  while (at < bytes->size() && std::isdigit(static_cast<unsigned char>((*bytes)[at])) == 0) ++at;
  std::size_t end = at;
  while (end < bytes->size() && std::isdigit(static_cast<unsigned char>((*bytes)[end])) != 0) ++end;
  bytes->replace(at, end - at, kNumbers[below(std::size(kNumbers), random)]);
}

void mutate_once(std::string* bytes, const std::vector<std::string>& words,
                 std::mt19937_64* random) {
  const std::size_t at = below(bytes->size(), random);
  const std::size_t length = std::min(below(1 + below(64, random), random), bytes->size() - at);
  switch (below(9, random)) {
    case 0:
      if (!bytes->empty()) (*bytes)[at] ^= static_cast<char>(1 << below(8, random));
      break;
    case 1:
      if (!bytes->empty()) (*bytes)[at] = static_cast<char>((*random)());
      break;
    case 2:
      bytes->erase(at, length);
      break;
    case 3:
      bytes->insert(at, bytes->substr(at, length));
      break;
    case 4:
      bytes->insert(below(bytes->size(), random), bytes->substr(at, length));
      break;
    case 5:
    case 6:
      if (!words.empty()) bytes->insert(at, words[below(words.size(), random)]);
      break;
    case 7:
      replace_number(bytes, random);
      break;
    default:
      if (below(8, random) == 0) bytes->resize(at);
  }
}

}  // namespace

std::string mutated(std::string bytes, const std::vector<std::string>& words,
                    std::mt19937_64* random) {
  for (std::size_t left = 1 + below(8, random); left > 0; --left) {
    mutate_once(&bytes, words, random);
  }
  return bytes;
}

}  // namespace clip_fuzz
