// Memory for weights and scratch: taken once, in large blocks, on huge pages where the system gives
// them, because touching fresh 4-KiB pages costs more than filling them. Blocks of less than a huge
// page take what they need: processes side by side hold little of their own that way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "nn/rows.h"

namespace clip {

// Hands out pieces of large blocks, and frees them all together. Not for use by several threads.
class Arena {
 public:
  // Takes memory by blocks of `block_size` bytes, larger where a piece is larger; the first may be
  // smaller.
  explicit Arena(std::size_t block_size = std::size_t{64} << 20) : block_size_(block_size) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // `size` bytes of zeros, aligned to 64. Throws std::bad_alloc when there is no memory.
  std::byte* allocate(std::size_t size);

  // Room for `count` rows of `width` numbers, without gaps.
  Rows rows(std::int64_t count, std::int64_t width, ElementType type);

 private:
  struct Block {
    std::byte* data;
    std::size_t size;
  };
  static Block take(std::size_t size);

  std::size_t block_size_;
  std::vector<Block> blocks_;
  std::size_t used_ = 0;  // of the last block
};

}  // namespace clip
