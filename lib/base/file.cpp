#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace clip {
namespace {

constexpr std::size_t kHead = 4096;
constexpr std::size_t kFirstChunk = std::size_t{1} << 16;

Error read_error(const std::string& path, ErrorCode code, const std::string& why) {
  return Error(code, fmt::format("cannot read {}: {}", path, why));
}

void check_type(const std::string& path, mode_t mode, bool only_regular) {
  const auto fail = [&](const char* why) {
    throw read_error(path, ErrorCode::kInvalidArgument, why);
  };
  if (S_ISDIR(mode)) fail("it is a folder");
  if (S_ISCHR(mode) || S_ISBLK(mode)) fail("it is a device");
  if (S_ISREG(mode)) return;
  if (!S_ISFIFO(mode)) fail("it is no regular file");
  if (only_regular) fail("it is a pipe, which it was not before");
}

void check_size(const std::string& path, std::uint64_t size, const ReadOptions& options) {
  if (size <= options.max_bytes) return;
  throw read_error(path, ErrorCode::kLimit,
                   fmt::format("it is larger than {} MiB", options.max_bytes >> 20));
}

// Waits for the bytes of a pipe that was opened with O_NONBLOCK. A pipe without a name (<(command),
// a shell's |) has had its writer; in a named one, a read gives nothing as well before the first
// writer has come as behind the last one.
class PipeWait {
 public:
  PipeWait(const std::string& path, int file, const ReadOptions& options)
      : path_(path), file_(file), options_(options) {
    struct statfs system = {};
    has_had_writer_ = ::fstatfs(file, &system) == 0 && system.f_type == PIPEFS_MAGIC;
  }

  // Whether to read again after a read that gave `count`: then there has been a wait for it.
  bool is_needed(ssize_t count) {
    if (count > 0) has_had_writer_ = true;
    if (count > 0 || (count == 0 && has_had_writer_)) return false;
    if (count < 0 && errno != EAGAIN) return false;
    if (count < 0) has_had_writer_ = true;
    if (!has_had_writer_ && has_waited_)
      fail("nobody has opened the pipe to write", options_.max_writer_wait_seconds);
    const int seconds =
        has_had_writer_ ? options_.max_byte_wait_seconds : options_.max_writer_wait_seconds;
    const CancelToken never;
    const CancelToken& stop = options_.stop != nullptr ? *options_.stop : never;
    const bool is_ready = stop.wait_readable(file_, 1000 * seconds);
    if (stop.cancelled()) throw read_error(path_, ErrorCode::kCancelled, "interrupted");
    if (!is_ready && has_had_writer_) fail("no byte has come through the pipe", seconds);
    if (is_ready) has_had_writer_ = true;
    has_waited_ = true;  // a writer who has not written anything yet shows in the next read
    return true;
  }

 private:
  [[noreturn]] void fail(const char* what, int seconds) const {
    throw read_error(path_, ErrorCode::kIo, fmt::format("{} for {} s", what, seconds));
  }

  const std::string& path_;
  const int file_;
  const ReadOptions& options_;
  bool has_had_writer_ = false, has_waited_ = false;
};

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

std::string read_file(const std::string& path, const ReadOptions& options) {
  if (path.find('\0') != std::string::npos) {
    throw read_error(path, ErrorCode::kNotFound, "its name holds a NUL byte");
  }
  // O_NONBLOCK: opening a named pipe must not wait for a writer for ever.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid() && errno == ENXIO) {
    throw read_error(path, ErrorCode::kInvalidArgument, "it is a socket, or a device without one");
  }
  if (!file.valid()) throw file_error("read", path, errno);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) throw file_error("read", path, errno);
  check_type(path, info.st_mode, options.only_regular);
  PipeWait wait(path, file.get(), options);
  const bool is_pipe = S_ISFIFO(info.st_mode);

  // The size is a hint: pipes have none, and files can grow. What is no image, say, is not read to
  // its end.
  std::string bytes;
  const std::size_t expected =
      S_ISREG(info.st_mode) ? static_cast<std::size_t>(info.st_size) + 1 : kFirstChunk;
  bool head_is_checked = options.check_head == nullptr;
  for (std::size_t held = 0;;) {
    if (held == bytes.size()) {
      check_size(path, held, options);
      if (held > 0) check_size(path, expected - 1, options);
      const std::size_t want = held < kFirstChunk ? kFirstChunk : std::max(expected, 2 * held);
      bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(want, options.max_bytes + 1)));
    }
    const ssize_t count = read_some(file.get(), bytes.data() + held, bytes.size() - held);
    if (is_pipe && wait.is_needed(count)) continue;
    if (count < 0) throw file_error("read", path, errno);
    held += static_cast<std::size_t>(count);
    if (!head_is_checked && held > 0 && (count == 0 || held >= kHead)) {
      options.check_head({bytes.data(), std::min(held, kHead)});
      head_is_checked = true;
    }
    if (count == 0) {
      bytes.resize(held);
      break;
    }
  }
  if (bytes.empty()) throw read_error(path, ErrorCode::kCorrupt, "it is empty");
  check_size(path, bytes.size(), options);
  return bytes;
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
