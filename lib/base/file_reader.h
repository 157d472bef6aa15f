// A file or a pipe, read from its beginning piece by piece. Opening a pipe that nobody writes into,
// and waiting for its bytes, ends: by time, or by a token. Movable; for one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/file.h"

namespace clip {

class FileReader {
 public:
  // Of the options, only_regular, stop and the times count. Throws Error for a file that is
  // missing, unreadable, a folder, a device, or a socket. Nothing is opened whose path holds a NUL
  // byte, which ends names for the system.
  FileReader(std::string path, const ReadOptions& options);

  // Up to `size` bytes, at least one of them but at the end. Throws Error naming the file where the
  // system fails, and for a pipe that nobody writes into.
  std::size_t read(char* to, std::size_t size);

  // Passes over as many bytes without reading them. False where that cannot be done: in a pipe, and
  // where the file does not hold them.
  bool skip(std::uint64_t count);

  const std::string& path() const { return path_; }
  bool is_pipe() const { return is_pipe_; }
  // When it was opened; 0 of a pipe. A hint, since files can grow.
  std::uint64_t size() const { return size_; }

 private:
  bool must_read_again(ssize_t count);
  [[noreturn]] void fail(const char* what, int seconds) const;

  std::string path_;
  ReadOptions options_;
  Descriptor file_;
  bool is_pipe_ = false, has_had_writer_ = false, has_waited_ = false;
  std::uint64_t size_ = 0;
};

// All of a file whose first bytes, `head`, have been read. Throws as read_file does.
std::string read_rest(FileReader* file, std::string head, const ReadOptions& options);

}  // namespace clip
