// A file, mapped read-only into memory: pages are read when touched and never copied. Immutable
// after construction. A file that another process shortens while it is mapped raises SIGBUS on
// access, as for every program that maps files; replace model files by renaming, as `mv` does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clip {

class MappedFile {
 public:
  // Throws Error when `path` is missing, unreadable, not a regular file, or empty.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }  // bytes, at least 1
  std::string_view bytes() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  std::string path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// The path of the file that is mapped at an address; null where none is, or none is known. Takes no
// lock, so that a handler of SIGBUS may ask.
const char* mapped_path_at(const void* address);

// Gives back the whole pages of a mapped file among these bytes (madvise, MADV_DONTNEED): they stop
// counting as this process's memory. Reading them again works, from the system's cache.
void release_pages(const std::byte* data, std::size_t size);

}  // namespace clip
