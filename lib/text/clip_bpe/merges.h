// The vocabulary of CLIP's byte-pair encoding and its merges, read from the table in the binary.
// Immutable after construction. Ids: 256 bytes, the same 256 at the end of a word, then one for
// each merge in its order, so that a lower id is a merge that comes earlier.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/clip_bpe/byte_alphabet.h"

namespace clip {

class Merges {
 public:
  static constexpr std::int32_t kNone = -1;

  Merges();

  // The id of one byte of a word; the last byte of a word has ids of its own.
  std::int32_t byte_id(std::uint8_t byte, bool end_of_word) const {
    return alphabet_.index_of_byte[byte] + (end_of_word ? 256 : 0);
  }

  // The id that two neighbours merge into, or kNone.
  std::int32_t merged(std::int32_t left, std::int32_t right) const {
    const std::uint32_t key = pair_key(left, right);
    for (std::uint32_t slot = hash(key);; ++slot) {
      const Pair& pair = pairs_[slot & kMask];
      if (pair.key == key) return pair.id;
      if (pair.key == kEmpty) return kNone;
    }
  }

  std::int32_t size() const { return static_cast<std::int32_t>(starts_.size()) - 1; }

  // The bytes that an id stands for.
  std::string_view bytes(std::int32_t id) const {
    return std::string_view(text_).substr(starts_[id], starts_[id + 1] - starts_[id]);
  }
  bool ends_word(std::int32_t id) const { return ends_word_[id]; }

 private:
  // Open addressing, a third full: a lookup touches one cache line.
  static constexpr std::uint32_t kSlots = 1 << 17, kMask = kSlots - 1;
  static constexpr std::uint32_t kEmpty = 0xffffffff;
  struct Pair {
    std::uint32_t key = kEmpty;
    std::int32_t id = kNone;
  };

  // Ids fit 16 bits: there are 49,406.
  static std::uint32_t pair_key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint32_t>(left) << 16 | static_cast<std::uint32_t>(right);
  }
  static std::uint32_t hash(std::uint32_t key) {
    return (key * std::uint64_t{0x9e3779b97f4a7c15}) >> 47;  // Fibonacci hashing, 17 bits
  }

  // What was appended to text_ since the last piece is the next one.
  void close_piece(bool end_of_word);

  ByteAlphabet alphabet_;
  std::vector<Pair> pairs_;
  std::string text_;  // all pieces, one behind the other
  std::vector<std::uint32_t> starts_;
  std::vector<bool> ends_word_;
};

}  // namespace clip
