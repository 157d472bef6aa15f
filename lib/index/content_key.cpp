#include "index/content_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/file.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "pipeline/file_state.h"

namespace clip {
namespace {

// Adds the bytes from `begin` to `end`; fewer where the file has been shortened meanwhile.
void add_range(int file, const std::string& path, std::uint64_t begin, std::uint64_t end,
               Sha256* digest) {
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, 1 << 18)), '\0');
  while (begin < end) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(end - begin, buffer.size()));
    const ssize_t count = ::pread(file, buffer.data(), want, static_cast<off_t>(begin));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw file_error("read", path, errno);
    if (count == 0) return;
    digest->add(buffer.data(), static_cast<std::size_t>(count));
    begin += static_cast<std::uint64_t>(count);
  }
}

}  // namespace

bool may_change_unseen(const FileState& state) {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t age =
      std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec - state.modified_nsec;
  return age < (state.modified_nsec % 1000000000 == 0 ? 2000000000 : 50000000);
}

ContentKey content_key_of(std::string_view bytes) {
  ContentKey key;
  const std::uint64_t size = bytes.size();
  key.whole = size <= kKeyHead + kKeyTail;
  Sha256 digest;
  digest.add(&size, sizeof(size));
  if (key.whole) {
    digest.add(bytes.data(), bytes.size());
  } else {
    digest.add(bytes.data(), kKeyHead);
    digest.add(bytes.data() + size - kKeyTail, kKeyTail);
  }
  key.digest = bytes_of_hex(digest.finish());
  return key;
}

ContentKey content_key(const std::string& path) {
  // O_NONBLOCK: what has become a named pipe must not wait for a writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) throw file_error("read", path, errno);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) throw file_error("read", path, errno);
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument, "cannot read " + path + ": it is not a regular file");
  }
  ContentKey key;
  key.state = state_of(info);
  const std::uint64_t size = key.state.size;
  key.whole = size <= kKeyHead + kKeyTail;
  Sha256 digest;
  digest.add(&size, sizeof(size));
  if (key.whole) {
    add_range(file.get(), path, 0, size, &digest);
  } else {
    add_range(file.get(), path, 0, kKeyHead, &digest);
    add_range(file.get(), path, size - kKeyTail, size, &digest);
  }
  key.digest = bytes_of_hex(digest.finish());
  return key;
}

}  // namespace clip
