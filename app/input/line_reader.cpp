#include "input/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "clip/error.h"

namespace clip_cli {

LineReader::LineReader(const std::string& path, char end, const clip::CancelToken* stop)
    : name_(path == "-" ? "standard input" : path), end_(end), file_(STDIN_FILENO), stop_(stop) {
  if (path == "-") return;
  owned_ = clip::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!owned_.valid()) throw clip::file_error("open", path, errno);
  file_ = owned_.get();
  struct stat info = {};
  if (::fstat(file_, &info) == 0 && S_ISDIR(info.st_mode)) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("cannot read {}: it is a folder, expected a list", path));
  }
}

bool LineReader::fill() {
  constexpr std::size_t kChunk = 1 << 16;
  if (stop_ != nullptr && !stop_->wait_readable(file_)) return false;
  buffer_.erase(0, at_);
  at_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  const ssize_t count = clip::read_some(file_, buffer_.data() + before, kChunk);
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count < 0) throw clip::file_error("read", name_, errno);
  read_ += static_cast<std::uint64_t>(count);
  return count > 0;
}

bool LineReader::next(std::string* line, std::size_t max, bool* too_long) {
  line->clear();
  *too_long = false;
  std::size_t found = std::string::npos;
  bool any = false;
  // Whole buffers without an end go to the line; beyond what it may hold they are dropped.
  for (;;) {
    found = buffer_.find(end_, at_);
    const std::size_t until = found == std::string::npos ? buffer_.size() : found;
    any = any || until > at_ || found != std::string::npos;
    const std::size_t room = max - std::min(max, line->size());
    *too_long = *too_long || until - at_ > room;
    line->append(buffer_, at_, std::min(until - at_, room));
    at_ = until;
    if (found != std::string::npos) {
      ++at_;
      break;
    }
    if (!fill()) {
      // Half a line that is cut off by cancelling is no line.
      if (!any || cancelled()) return false;
      break;
    }
  }
  had_end_ = found != std::string::npos;
  if (end_ == '\n' && !line->empty() && line->back() == '\r') line->pop_back();
  if (number_++ == 0) line->erase(0, line->size() - clip::without_byte_order_mark(*line).size());
  return true;
}

}  // namespace clip_cli
