#include "text/clip_bpe/merges.h"

#include "base/embedded_file.h"
#include "clip/error.h"
#include "text/clip_bpe/unicode.h"

// data/bpe/merges.txt, inside the binary.
extern "C" const clip::EmbeddedFile clip_merges[];

namespace clip {
namespace {

constexpr std::string_view kEndOfWord = "</w>";
constexpr std::size_t kMergeCount = 48894;

// Ids by the spelling of their piece, while the table is read: open addressing over one string.
class Spellings {
 public:
  explicit Spellings(std::size_t bytes) : slots_(kSlots, Merges::kNone) { text_.reserve(bytes); }

  // Adds left + right under the next id.
  void add(std::string_view left, std::string_view right) {
    const std::size_t start = text_.size();
    text_ += left;
    text_ += right;
    starts_.push_back(static_cast<std::uint32_t>(start));
    slots_[slot_of(std::string_view(text_).substr(start))] = count() - 1;
  }

  std::int32_t find(std::string_view piece) const { return slots_[slot_of(piece)]; }

 private:
  static constexpr std::size_t kSlots = 1 << 17;

  std::int32_t count() const { return static_cast<std::int32_t>(starts_.size()); }

  std::string_view spelling(std::int32_t id) const {
    const std::size_t start = starts_[id];
    const std::size_t end = id + 1 < count() ? starts_[id + 1] : text_.size();
    return std::string_view(text_).substr(start, end - start);
  }

  // Where the piece is, or the empty slot where it would be.
  std::size_t slot_of(std::string_view piece) const {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char c : piece) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    std::size_t slot = (hash ^ hash >> 32) % kSlots;
    while (slots_[slot] != Merges::kNone && spelling(slots_[slot]) != piece) {
      slot = (slot + 1) % kSlots;
    }
    return slot;
  }

  std::vector<std::int32_t> slots_;
  std::string text_;
  std::vector<std::uint32_t> starts_;
};

// Splits off what stands before `separator`.
std::string_view take(std::string_view* rest, char separator) {
  const auto end = rest->find(separator);
  if (end == std::string_view::npos)
    throw Error(ErrorCode::kInternal, "the merges in this binary are damaged");
  const std::string_view part = rest->substr(0, end);
  rest->remove_prefix(end + 1);
  return part;
}

}  // namespace

void Merges::close_piece(bool end_of_word) {
  starts_.push_back(static_cast<std::uint32_t>(text_.size()));
  ends_word_.push_back(end_of_word);
}

Merges::Merges() : pairs_(kSlots) {
  const std::string_view table = clip_merges[0].bytes();
  text_.reserve(table.size());
  starts_.reserve(kMergeCount + 513);
  starts_.push_back(0);

  Spellings spellings(2 * table.size());
  for (const bool end_of_word : {false, true}) {
    for (const std::uint8_t byte : alphabet_.byte_at_index) {
      std::string character;
      append_utf8(alphabet_.character_of_byte[byte], &character);
      spellings.add(character, end_of_word ? kEndOfWord : "");
      text_ += static_cast<char>(byte);
      close_piece(end_of_word);
    }
  }
  for (std::string_view rest = table; !rest.empty();) {
    const std::string_view left = take(&rest, ' ');
    const std::string_view right = take(&rest, '\n');
    const std::int32_t left_id = spellings.find(left), right_id = spellings.find(right);
    if (left_id == kNone || right_id == kNone) {
      throw Error(ErrorCode::kInternal, "the merges in this binary are damaged");
    }
    const std::uint32_t key = pair_key(left_id, right_id);
    std::uint32_t slot = hash(key);
    while (pairs_[slot & kMask].key != kEmpty) ++slot;
    pairs_[slot & kMask] = {key, size()};
    spellings.add(left, right);
    text_.append(text_, starts_[left_id], starts_[left_id + 1] - starts_[left_id]);
    text_.append(text_, starts_[right_id], starts_[right_id + 1] - starts_[right_id]);
    close_piece(ends_word_[right_id]);
  }
  if (size() != kMergeCount + 512)
    throw Error(ErrorCode::kInternal, "the merges in this binary are damaged");
}

}  // namespace clip
