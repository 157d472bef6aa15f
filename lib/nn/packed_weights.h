// Where the packed weights of a tower lie: products ask for them one after the other, always in the
// same order, and find memory to pack into, or weights that are packed already.
#pragma once

#include <cstddef>
#include <string>

#include "nn/arena.h"

namespace clip {

class PackedWeights {
 public:
  struct Piece {
    std::byte* data;  // aligned to 64; only read where it is ready
    bool ready;       // holds the packed weights
  };

  virtual ~PackedWeights() = default;
  // The weights of the next product: `size` bytes, arranged as `layout` says, which is any text
  // that differs where the arrangement does.
  virtual Piece next(const std::string& layout, std::size_t size) = 0;
};

// Memory of an arena, for products to pack into.
class FreshWeights : public PackedWeights {
 public:
  explicit FreshWeights(Arena* arena) : arena_(arena) {}
  Piece next(const std::string&, std::size_t size) override {
    return {arena_->allocate(size), false};
  }

 private:
  Arena* arena_;
};

}  // namespace clip
