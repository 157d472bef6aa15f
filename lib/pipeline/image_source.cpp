#include "clip/image_source.h"

#include <sys/stat.h>

#include "pipeline/file_state.h"

namespace clip {

FileState state_of(const struct stat& info) {
  constexpr std::int64_t kNsecPerSecond = 1'000'000'000;
  FileState state;
  state.size = static_cast<std::uint64_t>(info.st_size);
  // A file system may hold any number of seconds; those that do not fit are not known.
  std::int64_t nsec = 0;
  if (!__builtin_mul_overflow(std::int64_t{info.st_mtim.tv_sec}, kNsecPerSecond, &nsec) &&
      !__builtin_add_overflow(nsec, std::int64_t{info.st_mtim.tv_nsec}, &nsec)) {
    state.modified_nsec = nsec;
  }
  return state;
}

FileState file_state(const std::string& path) {
  struct stat info = {};
  // The system would take the part of a name in front of a NUL byte for all of it.
  if (path.find('\0') != std::string::npos || ::stat(path.c_str(), &info) != 0) return {};
  return state_of(info);
}

}  // namespace clip
