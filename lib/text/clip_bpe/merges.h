// The vocabulary of CLIP's byte-pair encoding and its merges, as they lie in the binary
// (merge_tables.h). Immutable; making one costs nothing.
#pragma once

#include <cstdint>
#include <string>

#include "text/clip_bpe/byte_alphabet.h"
#include "text/clip_bpe/merge_tables.h"

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
    const std::uint32_t key = MergeSlot::key_of(left, right);
    for (std::uint32_t slot = MergeSlot::first(key);; slot = MergeSlot::next(slot)) {
      if (slots_[slot].key == key) return slots_[slot].id;
      if (slots_[slot].key == MergeSlot::kEmpty) return kNone;
    }
  }

  // The bytes that an id of a byte or of a merge stands for.
  std::string bytes(std::int32_t id) const;
  bool ends_word(std::int32_t id) const;

 private:
  ByteAlphabet alphabet_;
  const MergeSides* sides_;  // kMergeCount of them
  const MergeSlot* slots_;   // MergeSlot::kCount of them
};

}  // namespace clip
