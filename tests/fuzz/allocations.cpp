#include "allocations.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace clip_fuzz {
namespace {

std::atomic<std::size_t> in_use{0}, peak{0};

void* allocate(std::size_t size) {
  void* memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = in_use += malloc_usable_size(memory);
  if (now > peak) peak = now;
  return memory;
}

void release(void* memory) {
  if (memory != nullptr) in_use -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

std::size_t bytes_in_use() {
  return in_use;
}
std::size_t peak_bytes() {
  return peak;
}
void reset_peak() {
  peak = in_use.load();
}

}  // namespace clip_fuzz

void* operator new(std::size_t size) {
  return clip_fuzz::allocate(size);
}
void* operator new[](std::size_t size) {
  return clip_fuzz::allocate(size);
}
void operator delete(void* memory) noexcept {
  clip_fuzz::release(memory);
}
void operator delete[](void* memory) noexcept {
  clip_fuzz::release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  clip_fuzz::release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  clip_fuzz::release(memory);
}
