#include "input/image_sources.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "clip/error.h"
#include "input/image_urls.h"

namespace clip_cli {
namespace {

// All of standard input; an interrupt ends the wait for more of it.
std::string read_standard_input(const clip::CancelToken* stop) {
  constexpr std::size_t kMaxBytes = std::size_t{4} << 30, kAtOnce = 1 << 20;
  std::string bytes;
  for (;;) {
    if (!stop->wait_readable(STDIN_FILENO)) {
      throw clip::Error(clip::ErrorCode::kCancelled, "interrupted");
    }
    const std::size_t before = bytes.size();
    bytes.resize(before + kAtOnce);
    const ssize_t count = clip::read_some(STDIN_FILENO, bytes.data() + before, kAtOnce);
    if (count < 0) throw clip::file_error("read", "standard input", errno);
    bytes.resize(before + static_cast<std::size_t>(count));
    if (count == 0) break;
    if (bytes.size() > kMaxBytes) {
      throw clip::Error(clip::ErrorCode::kLimit, "standard input has more than 4 GiB");
    }
  }
  if (bytes.empty()) {
    throw clip::Error(clip::ErrorCode::kCorrupt, "cannot use standard input: it is empty");
  }
  return bytes;
}

}  // namespace

ImageSources::ImageSources(clip::ImagePaths::NextNamed next_named,
                           const clip::ImagePathsOptions& walk, const clip::CancelToken* stop,
                           bool standard_input)
    : paths_(std::move(next_named), walk), stop_(stop), standard_input_(standard_input) {}

bool ImageSources::next(clip::ImageSource* source) {
  if (stop_->cancelled() || !paths_.next(source)) return false;
  if (standard_input_ && source->name == kStandardInput) {
    source->load = [stop = stop_] { return read_standard_input(stop); };
  } else {
    resolve_url(stop_, source);
  }
  if (list_ != nullptr) list_->add_result(source->name);
  return true;
}

void ImageSources::pass_over_rest() {
  list_->pass_over_rest();
  for (clip::ImageSource source; next(&source);) continue;
}

}  // namespace clip_cli
