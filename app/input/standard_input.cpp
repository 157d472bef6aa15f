#include "input/standard_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "archive/archive_kind.h"
#include "base/file.h"
#include "clip/error.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

class Rest : public clip::ByteSource {
 public:
  explicit Rest(const clip::CancelToken* stop) : stop_(stop) {
    // Where it is a pipe, a larger one takes fewer turns between its two ends.
    ::fcntl(STDIN_FILENO, F_SETPIPE_SZ, 1 << 20);
  }

  std::size_t read(char* to, std::size_t size) override {
    if (!stop_->wait_readable(STDIN_FILENO)) {
      throw clip::Error(clip::ErrorCode::kCancelled, "cannot read standard input: interrupted");
    }
    const ssize_t count = clip::read_some(STDIN_FILENO, to, size);
    if (count < 0) throw clip::file_error("read", "standard input", errno);
    return static_cast<std::size_t>(count);
  }

 private:
  const clip::CancelToken* const stop_;
};

}  // namespace

void note_terminal_input() {
  static const bool noted = [] {
    const bool waits = ::isatty(STDIN_FILENO) == 1;
    if (waits) notice("reading from the terminal, line by line; Ctrl-D ends");
    return waits;
  }();
  static_cast<void>(noted);
}

bool StandardInput::is_archive() {
  note_terminal_input();
  while (!at_end_ && head_.size() < clip::kArchiveHead && clip::may_be_archive(head_)) {
    if (!stop_->wait_readable(STDIN_FILENO)) return false;
    char bytes[clip::kArchiveHead];
    const ssize_t count = clip::read_some(STDIN_FILENO, bytes, clip::kArchiveHead - head_.size());
    if (count < 0) return false;
    at_end_ = count == 0;
    head_.append(bytes, static_cast<std::size_t>(count));
  }
  return clip::archive_kind(head_) != clip::ArchiveKind::kNone;
}

std::unique_ptr<clip::ByteSource> StandardInput::take() {
  return std::make_unique<clip::ResumedSource>(std::exchange(head_, ""),
                                               std::make_unique<Rest>(stop_));
}

}  // namespace clip_cli
