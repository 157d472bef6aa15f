#include "text/merges.h"

#include <unordered_map>

#include "error.h"
#include "text/embedded_data.h"
#include "text/unicode.h"

namespace clip {
namespace {

constexpr std::string_view kEndOfWord = "</w>";
constexpr std::size_t kMergeCount = 48894;

// Splits off what stands before `separator`.
std::string_view take(std::string_view* rest, char separator) {
  const auto end = rest->find(separator);
  if (end == std::string_view::npos) throw Error("the merges in this binary are damaged");
  const std::string_view part = rest->substr(0, end);
  rest->remove_prefix(end + 1);
  return part;
}

}  // namespace

void Merges::add(std::string_view bytes, bool end_of_word) {
  text_ += bytes;
  starts_.push_back(static_cast<std::uint32_t>(text_.size()));
  ends_word_.push_back(end_of_word);
}

Merges::Merges() : pairs_(kSlots) {
  const std::string_view table = embedded_merges();
  text_.reserve(table.size());
  starts_.reserve(kMergeCount + 513);
  starts_.push_back(0);

  // Names as the table spells them, in the byte alphabet; they live in `names` while ids are looked
  // up. A merge's name is its two halves without the space between.
  std::string names;
  names.reserve(2 * table.size());
  std::unordered_map<std::string_view, std::int32_t> ids;
  ids.reserve(kSlots);
  const auto name = [&](std::string_view left, std::string_view right) {
    const std::size_t start = names.size();
    names += left;
    names += right;
    return std::string_view(names).substr(start);
  };
  for (const bool end_of_word : {false, true}) {
    for (const std::uint8_t byte : alphabet_.byte_at_index) {
      std::string character;
      append_utf8(alphabet_.character_of_byte[byte], &character);
      ids.emplace(name(character, end_of_word ? kEndOfWord : ""), size());
      add(std::string(1, static_cast<char>(byte)), end_of_word);
    }
  }

  for (std::string_view rest = table; !rest.empty();) {
    const std::string_view left = take(&rest, ' ');
    const std::string_view right = take(&rest, '\n');
    const auto left_id = ids.find(left), right_id = ids.find(right);
    if (left_id == ids.end() || right_id == ids.end()) {
      throw Error("the merges in this binary are damaged");
    }
    const std::int32_t id = size();
    const std::uint32_t key = pair_key(left_id->second, right_id->second);
    std::uint32_t slot = hash(key);
    while (pairs_[slot & kMask].key != kEmpty) ++slot;
    pairs_[slot & kMask] = {key, id};
    ids.emplace(name(left, right), id);
    add(std::string(bytes(left_id->second)) + std::string(bytes(right_id->second)),
        ends_word(right_id->second));
  }
  if (size() != kMergeCount + 512) throw Error("the merges in this binary are damaged");
}

}  // namespace clip
