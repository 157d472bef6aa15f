#include "base/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/file.h"

namespace clip {

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
}

MappedFile::~MappedFile() {
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
