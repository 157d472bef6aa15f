#include "nn/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace clip {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kSmallPage = std::size_t{4} << 10;
// The first block, where less is asked for: an arena often holds a few small pieces and no more.
constexpr std::size_t kFirstBlock = std::size_t{1} << 20;
constexpr std::size_t kAlignment = 64;  // a cache line, and the widest vector

std::size_t rounded_up(std::size_t size, std::size_t unit) {
  return (size + unit - 1) / unit * unit;
}

std::byte* map(std::size_t size) {
  void* raw = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(raw);
}

}  // namespace

Arena::Block Arena::take(std::size_t size) {
  if (size < kHugePage) {
    size = rounded_up(size, kSmallPage);
    return {map(size), size};
  }
  size = rounded_up(size, kHugePage);
  // One page more than needed, so that a huge-page boundary lies inside; the rest goes back.
  std::byte* begin = map(size + kHugePage);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t before = rounded_up(address, kHugePage) - address;
  if (before > 0) munmap(begin, before);
  if (before < kHugePage) munmap(begin + before + size, kHugePage - before);
  // Only advice: where it is not taken, pages are small and the result the same.
  madvise(begin + before, size, MADV_HUGEPAGE);
  return {begin + before, size};
}

Arena::~Arena() {
  for (const Block& block : blocks_) munmap(block.data, block.size);
}

std::byte* Arena::allocate(std::size_t size) {
  size = rounded_up(std::max<std::size_t>(size, 1), kAlignment);
  if (blocks_.empty() || blocks_.back().size - used_ < size) {
    const std::size_t usual = blocks_.empty() ? std::min(block_size_, kFirstBlock) : block_size_;
    blocks_.push_back(take(std::max(size, usual)));
    used_ = 0;
  }
  std::byte* piece = blocks_.back().data + used_;
  used_ += size;
  return piece;
}

Rows Arena::rows(std::int64_t count, std::int64_t width, ElementType type) {
  const auto size = static_cast<std::size_t>(count * width * size_of(type));
  Rows rows = {allocate(size), type, count, width, width};
  if (type == ElementType::kInt8) {
    rows.scales = reinterpret_cast<float*>(allocate(static_cast<std::size_t>(count) * 4));
  }
  return rows;
}

}  // namespace clip
