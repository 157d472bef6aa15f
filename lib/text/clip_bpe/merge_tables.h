// The form in which the merges lie in the binary: two tables that write_merge_tables.cpp makes out
// of data/bpe/merges.txt when the project is built, so that no start has to. Ids: 256 bytes, the
// same 256 at the end of a word, then one for each merge in its order, so that a lower id is a
// merge that comes earlier. All of them fit 16 bits.
#pragma once

#include <cstdint>

namespace clip {

inline constexpr std::int32_t kByteIds = 512;
inline constexpr std::int32_t kMergeCount = 48894;

// Both sides of a merge. The first table has one of these for each merge.
struct MergeSides {
  std::uint16_t left, right;
};

// The second table is a hash table from both sides to the merge's id: open addressing, a third
// full, so that a lookup touches one cache line.
struct MergeSlot {
  static constexpr std::uint32_t kCount = 1 << 17;
  static constexpr std::uint32_t kEmpty = 0xffffffff;  // the key of a slot that holds nothing

  std::uint32_t key;
  std::int32_t id;

  static std::uint32_t key_of(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint32_t>(left) << 16 | static_cast<std::uint32_t>(right);
  }
  // Where the search for a key begins: Fibonacci hashing, 17 bits.
  static std::uint32_t first(std::uint32_t key) {
    return (key * std::uint64_t{0x9e3779b97f4a7c15}) >> 47;
  }
  static std::uint32_t next(std::uint32_t slot) { return (slot + 1) % kCount; }
};

}  // namespace clip
