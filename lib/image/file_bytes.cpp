#include "image/file_bytes.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "error.h"

namespace clip {

std::string read_file(const std::string& path) {
  constexpr std::size_t kMost = std::size_t{4} << 30;
  const auto fail = [&](const std::string& why) -> Error {
    return Error(fmt::format("cannot read {}: {}", path, why));
  };
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) throw fail(std::strerror(errno));
  if (S_ISDIR(info.st_mode)) throw fail("it is a folder");
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) throw fail(std::strerror(errno));
  // The size is a hint: pipes have none, and files can grow.
  std::string bytes;
  std::size_t chunk = S_ISREG(info.st_mode) ? static_cast<std::size_t>(info.st_size) + 1 : 1 << 16;
  for (;;) {
    const std::size_t before = bytes.size();
    if (before + chunk > kMost) throw fail("it is larger than 4 GiB, which no picture is");
    bytes.resize(before + chunk);
    const std::size_t got = std::fread(bytes.data() + before, 1, chunk, file.get());
    bytes.resize(before + got);
    if (got < chunk) break;
    chunk = bytes.size();
  }
  if (std::ferror(file.get()) != 0) throw fail(std::strerror(errno));
  if (bytes.empty()) throw fail("it is empty");
  return bytes;
}

}  // namespace clip
