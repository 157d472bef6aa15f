#include "input/image_sources.h"

#include <utility>

#include "clip/error.h"
#include "input/image_urls.h"

namespace clip_cli {
namespace {

// All of standard input, which is no archive.
std::string image_on(StandardInput* input) {
  constexpr std::size_t kMaxBytes = std::size_t{4} << 30, kAtOnce = 1 << 20;
  const std::unique_ptr<clip::ByteSource> from = input->take();
  std::string bytes;
  for (;;) {
    const std::size_t before = bytes.size();
    bytes.resize(before + kAtOnce);
    const std::size_t count = from->read(bytes.data() + before, kAtOnce);
    bytes.resize(before + count);
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
                           std::shared_ptr<StandardInput> input, bool image)
    : paths_(std::move(next_named), walk),
      walk_(walk),
      stop_(stop),
      input_(std::move(input)),
      image_(image) {}

bool ImageSources::next(clip::ImageSource* source) {
  while (!stop_->cancelled()) {
    if (archive_ != nullptr && next_in_archive(source)) return true;
    if (paths_.next(source)) {
      if (image_ && source->name == kStandardInput) {
        source->load = [input = input_] { return image_on(input.get()); };
      } else if (source->archive.empty() && source->load == nullptr) {
        resolve_url(stop_, source);
      }
      return true;
    }
    if (!input_->takes_turn()) return false;
    try {
      begin_archive();
    } catch (const clip::Error& error) {
      *source = clip::ImageSource();
      source->name = source->archive = kStandardInput;
      source->error = error;
      return true;
    }
  }
  return false;
}

void ImageSources::begin_archive() {
  if (walk_.archives != clip::Archives::kRead) throw clip::refused_archive("standard input");
  clip::ArchiveImagesOptions options;
  options.exclude = walk_.exclude;
  options.stop = stop_;
  archive_ = std::make_unique<clip::ArchiveImages>(input_->take(), kStandardInput, options);
}

bool ImageSources::next_in_archive(clip::ImageSource* source) {
  if (archive_->next(source)) return true;
  for (const auto& [kind, count] : archive_->left_out()) left_out_[kind] += count;
  archive_.reset();
  return false;
}

clip::LeftOut ImageSources::left_out() const {
  clip::LeftOut all = paths_.left_out();
  for (const auto& [kind, count] : left_out_) all[kind] += count;
  return all;
}

}  // namespace clip_cli
