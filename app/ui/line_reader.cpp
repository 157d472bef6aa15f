#include "ui/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.h"
#include "interrupt.h"

namespace clip_cli {

LineReader::LineReader(const std::string& path, char end)
    : name_(path == "-" ? "standard input" : path), end_(end) {
  if (path == "-") {
    file_ = STDIN_FILENO;
    return;
  }
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) {
    throw clip::Error(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  }
  struct stat info = {};
  if (::fstat(file_, &info) == 0 && S_ISDIR(info.st_mode)) {
    ::close(file_);
    throw clip::Error(fmt::format("cannot read {}: it is a folder, expected a list", path));
  }
}

LineReader::~LineReader() {
  if (file_ != STDIN_FILENO) ::close(file_);
}

bool LineReader::fill() {
  constexpr std::size_t kChunk = 1 << 16;
  if (!wait_readable(file_)) return false;
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  ssize_t count = 0;
  do {
    count = ::read(file_, buffer_.data() + before, kChunk);
  } while (count < 0 && errno == EINTR);
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) {
    throw clip::Error(fmt::format("cannot read {}: {}", name_, std::strerror(errno)));
  }
  read_ += static_cast<std::uint64_t>(count);
  return count > 0;
}

bool LineReader::next(std::string* line, std::size_t most, bool* too_long) {
  line->clear();
  *too_long = false;
  std::size_t found = std::string::npos;
  bool any = false;
  // Whole buffers without an end go to the line; beyond what it may hold they are dropped.
  for (;;) {
    found = buffer_.find(end_, at_);
    const std::size_t until = found == std::string::npos ? buffer_.size() : found;
    any = any || until > at_ || found != std::string::npos;
    const std::size_t room = most - std::min(most, line->size());
    *too_long = *too_long || until - at_ > room;
    line->append(buffer_, at_, std::min(until - at_, room));
    at_ = until;
    if (found != std::string::npos) {
      ++at_;
      break;
    }
    if (!fill()) {
      // Half a line that Ctrl-C came into is no line.
      if (!any || interrupted() != 0) return false;
      break;
    }
  }
  had_end_ = found != std::string::npos;
  if (end_ == '\n' && !line->empty() && line->back() == '\r') line->pop_back();
  ++number_;
  return true;
}

}  // namespace clip_cli
