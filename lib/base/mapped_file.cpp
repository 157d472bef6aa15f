#include "base/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>

#include "base/file.h"

namespace clip {
namespace {

// The files that are mapped, for a handler of SIGBUS: as many as the shards of a model. Those
// beyond have no name then.
struct Entry {
  std::atomic<std::uintptr_t> begin, end;
  std::atomic<const char*> path;  // null: the entry is free
};
constexpr std::size_t kEntries = 256;
Entry entries[kEntries];
std::mutex entries_mutex;

void note_mapping(const void* data, std::size_t size, const char* path) {
  const std::lock_guard<std::mutex> lock(entries_mutex);
  for (Entry& entry : entries) {
    if (entry.path != nullptr) continue;
    entry.begin = reinterpret_cast<std::uintptr_t>(data);
    entry.end = entry.begin + size;
    entry.path = path;
    return;
  }
}

void forget_mapping(const void* data) {
  const std::lock_guard<std::mutex> lock(entries_mutex);
  for (Entry& entry : entries) {
    if (entry.begin == reinterpret_cast<std::uintptr_t>(data)) entry.path = nullptr;
  }
}

}  // namespace

const char* mapped_path_at(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (const Entry& entry : entries) {
    const char* path = entry.path;
    if (path != nullptr && at >= entry.begin && at < entry.end) return path;
  }
  return nullptr;
}

MappedFile::MappedFile(const std::string& path) : path_(path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer; it is refused below.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) throw file_error("open", path, errno);
  const auto fail = [&](ErrorCode code, const char* why) {
    return Error(code, fmt::format("cannot read {}: {}", path, why));
  };
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) throw file_error("read", path, errno);
  if (S_ISDIR(info.st_mode)) {
    throw fail(ErrorCode::kInvalidArgument, "it is a folder; name the model file in it");
  }
  if (!S_ISREG(info.st_mode)) throw fail(ErrorCode::kInvalidArgument, "it is not a regular file");
  if (info.st_size == 0) throw fail(ErrorCode::kCorrupt, "it is empty");
  size_ = static_cast<std::size_t>(info.st_size);
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED) throw file_error("read", path, errno);
  data_ = static_cast<const std::byte*>(mapping);
  note_mapping(data_, size_, path_.c_str());
}

MappedFile::~MappedFile() {
  forget_mapping(data_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

void release_pages(const std::byte* data, std::size_t size) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t first = (address + page - 1) / page * page;
  const std::uintptr_t end = (address + size) / page * page;
  if (end > first) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace clip
