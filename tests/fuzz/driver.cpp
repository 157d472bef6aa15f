#include <sanitizer/allocator_interface.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "clip/error.h"
#include "fuzz.h"

namespace clip_fuzz {
namespace {

// Beside an input's own size: what its pixels, tables and messages may take.
constexpr std::ptrdiff_t kMaxBytes = std::ptrdiff_t{64} << 20;

std::atomic<std::ptrdiff_t> in_use{0}, peak{0};
std::size_t inputs = 0, accepted = 0;

void count_allocation(const volatile void*, std::size_t size) {
  const std::ptrdiff_t now = in_use += static_cast<std::ptrdiff_t>(size);
  std::ptrdiff_t seen = peak;
  while (now > seen && !peak.compare_exchange_weak(seen, now)) {
  }
}

void count_release(const volatile void* memory) {
  in_use -=
      static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(const_cast<const void*>(memory)));
}

// A target whose seeds are all refused tries nothing: scripts/fuzz asks for this line.
void report() {
  std::fprintf(stderr, "clip_fuzz: %zu inputs, %zu of them accepted\n", inputs, accepted);
}

}  // namespace

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "clip_fuzz: it does not hold that %s\n", what);
  std::abort();
}

std::vector<std::string_view> parts_of(std::string_view input, std::size_t count) {
  std::vector<std::string_view> parts;
  while (parts.size() + 1 < count) {
    const std::size_t end = input.find('\0');
    parts.push_back(input.substr(0, end));
    input = end == std::string_view::npos ? std::string_view() : input.substr(end + 1);
  }
  parts.push_back(input);
  return parts;
}

MemoryFile::MemoryFile()
    : descriptor_(::memfd_create("input", MFD_CLOEXEC)),
      path_("/proc/self/fd/" + std::to_string(descriptor_.get())) {
  require(descriptor_.valid(), "there are files in memory");
}

void MemoryFile::write(std::string_view bytes) const {
  require(::ftruncate(descriptor_.get(), 0) == 0 &&
              clip::write_all_at(descriptor_.get(), 0, bytes.data(), bytes.size()),
          "a file in memory can be written");
}

}  // namespace clip_fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  __sanitizer_install_malloc_and_free_hooks(clip_fuzz::count_allocation, clip_fuzz::count_release);
  std::atexit(clip_fuzz::report);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clip_fuzz;
  static const bool prints = std::getenv("CLIP_FUZZ_PRINT") != nullptr;
  const std::ptrdiff_t before = in_use;
  peak = before;
  ++inputs;
  try {
    read_input({reinterpret_cast<const char*>(data), size});
    ++accepted;
  } catch (const clip::Error& error) {  // the answer to a bad input
    if (prints) std::fprintf(stderr, "clip_fuzz: %s\n", error.what());
  }
  const std::ptrdiff_t taken = peak - before;
  if (taken > static_cast<std::ptrdiff_t>(size) + kMaxBytes) {
    std::fprintf(stderr, "clip_fuzz: an input of %zu bytes took %td bytes of memory\n", size,
                 taken);
    std::abort();
  }
  return 0;
}
