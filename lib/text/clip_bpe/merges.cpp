#include "text/clip_bpe/merges.h"

#include "base/embedded_file.h"

// The two tables of merge_tables.h, inside the binary.
extern "C" const clip::EmbeddedFile clip_merge_tables[];

namespace clip {

Merges::Merges()
    : sides_(reinterpret_cast<const MergeSides*>(clip_merge_tables[0].begin)),
      slots_(reinterpret_cast<const MergeSlot*>(clip_merge_tables[1].begin)) {}

std::string Merges::bytes(std::int32_t id) const {
  if (id < kByteIds) return std::string(1, static_cast<char>(alphabet_.byte_at_index[id % 256]));
  const MergeSides& sides = sides_[id - kByteIds];
  return bytes(sides.left) + bytes(sides.right);
}

bool Merges::ends_word(std::int32_t id) const {
  while (id >= kByteIds) id = sides_[id - kByteIds].right;
  return id >= 256;
}

}  // namespace clip
