#include "base/file_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

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

}  // namespace

FileReader::FileReader(std::string path, const ReadOptions& options)
    : path_(std::move(path)), options_(options) {
  if (path_.find('\0') != std::string::npos) {
    throw read_error(path_, ErrorCode::kNotFound, "its name holds a NUL byte");
  }
  // O_NONBLOCK: opening a named pipe must not wait for a writer for ever.
  file_ = Descriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file_.valid() && errno == ENXIO) {
    throw read_error(path_, ErrorCode::kInvalidArgument, "it is a socket, or a device without one");
  }
  if (!file_.valid()) throw file_error("read", path_, errno);
  struct stat info = {};
  if (::fstat(file_.get(), &info) != 0) throw file_error("read", path_, errno);
  check_type(path_, info.st_mode, options.only_regular);
  is_pipe_ = S_ISFIFO(info.st_mode);
  if (!is_pipe_) {
    size_ = static_cast<std::uint64_t>(info.st_size);
    return;
  }
  // A pipe without a name (<(command), a shell's |) has had its writer; in a named one, a read
  // gives nothing as well before the first writer has come as behind the last one.
  struct statfs system = {};
  has_had_writer_ = ::fstatfs(file_.get(), &system) == 0 && system.f_type == PIPEFS_MAGIC;
}

std::size_t FileReader::read(char* to, std::size_t size) {
  for (;;) {
    const ssize_t count = read_some(file_.get(), to, size);
    if (is_pipe_ && must_read_again(count)) continue;
    if (count < 0) throw file_error("read", path_, errno);
    return static_cast<std::size_t>(count);
  }
}

bool FileReader::skip(std::uint64_t count) {
  if (is_pipe_) return false;
  const off_t at = ::lseek(file_.get(), 0, SEEK_CUR);
  struct stat info = {};
  if (at < 0 || ::fstat(file_.get(), &info) != 0) return false;
  const auto left = static_cast<std::uint64_t>(std::max<off_t>(info.st_size - at, 0));
  return count <= left && ::lseek(file_.get(), static_cast<off_t>(count), SEEK_CUR) >= 0;
}

// Whether to read again after a read that gave `count`: then there has been a wait for it.
bool FileReader::must_read_again(ssize_t count) {
  if (count > 0) has_had_writer_ = true;
  if (count > 0 || (count == 0 && has_had_writer_)) return false;
  if (count < 0 && errno != EAGAIN) return false;
  if (count < 0) has_had_writer_ = true;
  if (!has_had_writer_ && has_waited_) {
    fail("nobody has opened the pipe to write", options_.max_writer_wait_seconds);
  }
  const int seconds =
      has_had_writer_ ? options_.max_byte_wait_seconds : options_.max_writer_wait_seconds;
  const CancelToken never;
  const CancelToken& stop = options_.stop != nullptr ? *options_.stop : never;
  const bool is_ready = stop.wait_readable(file_.get(), 1000 * seconds);
  if (stop.cancelled()) throw read_error(path_, ErrorCode::kCancelled, "interrupted");
  if (!is_ready && has_had_writer_) fail("no byte has come through the pipe", seconds);
  if (is_ready) has_had_writer_ = true;
  has_waited_ = true;  // a writer who has not written anything yet shows in the next read
  return true;
}

void FileReader::fail(const char* what, int seconds) const {
  throw read_error(path_, ErrorCode::kIo, fmt::format("{} for {} s", what, seconds));
}

std::string read_rest(FileReader* file, std::string head, const ReadOptions& options) {
  // The size is a hint: pipes have none, and files can grow. What is no image, say, is not read to
  // its end.
  const std::string& path = file->path();
  std::string bytes = std::move(head);
  const std::size_t expected =
      file->is_pipe() ? kFirstChunk : static_cast<std::size_t>(file->size()) + 1;
  bool head_is_checked = options.check_head == nullptr;
  for (std::size_t held = bytes.size();;) {
    if (held == bytes.size()) {
      check_size(path, held, options);
      if (held > 0) check_size(path, expected - 1, options);
      const std::size_t want = held < kFirstChunk ? kFirstChunk : std::max(expected, 2 * held);
      bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(want, options.max_bytes + 1)));
    }
    const std::size_t count = file->read(bytes.data() + held, bytes.size() - held);
    held += count;
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

std::string read_file(const std::string& path, const ReadOptions& options) {
  FileReader file(path, options);
  return read_rest(&file, "", options);
}

}  // namespace clip
