#include "base/file.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace clip {
namespace {

// Throws where the system cannot tell.
bool found(const std::string& path, struct stat* info) {
  if (::stat(path.c_str(), info) == 0) return true;
  if (is_fault(errno)) throw file_error("read", path, errno);
  return false;
}

}  // namespace

Error file_error(const std::string& what, const std::string& path, int error_number) {
  const bool missing = error_number == ENOENT || error_number == ENOTDIR;
  return Error(missing ? ErrorCode::kNotFound : ErrorCode::kIo,
               fmt::format("cannot {} {}: {}", what, path, std::strerror(error_number)));
}

bool is_fault(int error_number) {
  switch (error_number) {
    case 0:
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EACCES:
    case EPERM:
    case ENAMETOOLONG:
    case EINVAL:
    case ENXIO:  // a pipe that nobody reads, a socket
    case ENODEV:
      return false;
    default:
      return true;
  }
}

void Descriptor::reset() {
  if (value_ >= 0) ::close(value_);
  value_ = -1;
}

bool write_all(int descriptor, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(descriptor, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

bool write_all_at(int descriptor, std::uint64_t offset, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor, bytes, size, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes += written;
    offset += static_cast<std::uint64_t>(written);
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

ssize_t read_some(int descriptor, void* data, std::size_t size) {
  ssize_t count = 0;
  do {
    count = ::read(descriptor, data, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

bool exists(const std::string& path) {
  struct stat info = {};
  return found(path, &info);
}

bool is_regular_file(const std::string& path) {
  struct stat info = {};
  return found(path, &info) && S_ISREG(info.st_mode);
}

bool is_folder(const std::string& path) {
  struct stat info = {};
  return found(path, &info) && S_ISDIR(info.st_mode);
}

bool is_pipe(const std::string& path) {
  struct stat info = {};
  return found(path, &info) && S_ISFIFO(info.st_mode);
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (real == nullptr && is_fault(errno)) throw file_error("read", path, errno);
  return real == nullptr ? "" : real.get();
}

std::string joined_path(const std::string& folder, std::string_view name) {
  std::string path = folder;
  if (!path.empty() && path.back() != '/') path += '/';
  return path.append(name);
}

}  // namespace clip
