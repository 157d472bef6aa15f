// Files by their paths and descriptors: the few calls on the system that the project makes. Every
// failure is an Error that names the file and what the system says.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "clip/cancel.h"
#include "clip/error.h"

namespace clip {

// "cannot WHAT PATH: why", with the code that suits `error_number`: kNotFound for what is not
// there, else kIo.
Error file_error(const std::string& what, const std::string& path, int error_number);

// Whether a failed look at a path says nothing of what is there (EIO, ENOMEM, EMFILE), and so must
// not count as nothing: unlike ENOENT, ENOTDIR, ELOOP, EACCES, ENAMETOOLONG.
bool is_fault(int error_number);

// The owner of a file descriptor, which it closes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    reset();
    value_ = std::exchange(other.value_, -1);
    return *this;
  }

  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }
  int release() { return std::exchange(value_, -1); }
  void reset();

 private:
  int value_ = -1;
};

// Write all of it, and read up to `size` bytes, however often a signal interrupts them. False, and
// a negative number, with errno, where the system fails.
bool write_all(int descriptor, const void* data, std::size_t size);
bool write_all_at(int descriptor, std::uint64_t offset, const void* data, std::size_t size);
ssize_t read_some(int descriptor, void* data, std::size_t size);

struct ReadOptions {
  bool only_regular = false;  // a pipe is an error, too
  // Ends a wait for the bytes of a pipe with an Error (kCancelled); null: nothing does.
  const CancelToken* stop = nullptr;
  // How long a named pipe may have no writer, and how long a pipe may give no byte.
  int max_writer_wait_seconds = 10, max_byte_wait_seconds = 300;
  std::uint64_t max_bytes = std::uint64_t{4} << 30;
  // Not empty: is given the first bytes, 4096 or all there are, before more is read. What it throws
  // ends the reading.
  std::function<void(std::string_view)> check_head;
};

// A whole file. Throws Error for one that is missing, unreadable, a folder, a device, a socket,
// empty, or larger than allowed, and for a pipe that nobody writes into. Nothing is opened whose
// path holds a NUL byte, which ends names for the system.
std::string read_file(const std::string& path, const ReadOptions& options = {});

// Of the file that the path leads to; links are followed. These throw Error where the system fails
// to tell: what cannot be seen is not nothing.
bool exists(const std::string& path);
bool is_regular_file(const std::string& path);
bool is_folder(const std::string& path);
bool is_pipe(const std::string& path);

// The absolute path without links, or empty, with errno, where there is no such file.
std::string real_path(const std::string& path);

// FOLDER/NAME, with one slash between.
std::string joined_path(const std::string& folder, std::string_view name);

}  // namespace clip
