#include "pipeline/archive_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "archive/archive_kind.h"
#include "archive/decompress.h"
#include "base/excerpt.h"
#include "base/strings.h"
#include "clip/image.h"
#include "image/formats/formats.h"
#include "pipeline/folder_walk.h"

namespace clip {
namespace {

// Ends at the next bytes once `stop` is cancelled: an archive without any image may be long.
class StoppableSource : public ByteSource {
 public:
  StoppableSource(std::unique_ptr<ByteSource> bytes, const std::string& name,
                  const CancelToken* stop)
      : bytes_(std::move(bytes)), name_(name), stop_(stop) {}

  std::size_t read(char* to, std::size_t size) override {
    if (stop_ != nullptr && stop_->cancelled()) {
      throw Error(ErrorCode::kCancelled, fmt::format("cannot read {}: interrupted", name_));
    }
    return bytes_->read(to, size);
  }
  bool skip(std::uint64_t count) override { return bytes_->skip(count); }

 private:
  const std::unique_ptr<ByteSource> bytes_;
  const std::string name_;
  const CancelToken* const stop_;
};

// Decompressed where it is compressed.
std::unique_ptr<ByteSource> tar_bytes(std::unique_ptr<ByteSource> bytes, const std::string& name,
                                      const CancelToken* stop) {
  std::string head(kArchiveHead, '\0');
  std::size_t held = 0;
  while (held < head.size()) {
    const std::size_t count = bytes->read(head.data() + held, head.size() - held);
    if (count == 0) break;
    held += count;
  }
  head.resize(held);
  const bool is_compressed = archive_kind(head) == ArchiveKind::kCompressed;
  bytes = std::make_unique<ResumedSource>(std::move(head), std::move(bytes));
  try {
    if (is_compressed) bytes = decompressed(std::move(bytes));
  } catch (const Error& error) {
    throw error.within("cannot use " + name);
  }
  return std::make_unique<StoppableSource>(std::move(bytes), name, stop);
}

// As webdataset has it: up to the first dot behind the last slash; what is behind the dot is what
// the member is of the sample.
std::size_t key_size(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return std::min(name.find('.', slash == std::string_view::npos ? 0 : slash + 1), name.size());
}

bool is_text(std::string_view suffix) {
  return suffix == "txt" || suffix == "cls" || suffix == "json";
}

std::string without_line_ends(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

Error too_large(std::uint64_t limit) {
  return Error(ErrorCode::kLimit, fmt::format("it has more than {} MiB", limit >> 20));
}

// Throws where there are no bytes to be had.
void check_file(const TarMember& member) {
  if (member.kind == TarKind::kHardLink || member.kind == TarKind::kSymbolicLink) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("it is a link to {}, and links in archives are not followed",
                            excerpt(member.link)));
  }
  if (member.kind != TarKind::kFile) {
    throw Error(ErrorCode::kUnsupported, "it is a device or a pipe");
  }
  if (member.error) throw *member.error;
}

}  // namespace

Error refused_archive(const std::string& name) {
  return Error(ErrorCode::kUnsupported,
               fmt::format("cannot use {}: it is an archive, whose images are no files of their "
                           "own; unpack it first",
                           name));
}

ArchiveImages::ArchiveImages(std::unique_ptr<ByteSource> bytes, std::string name,
                             const ArchiveImagesOptions& options)
    : name_(std::move(name)),
      state_(options.state),
      reader_(tar_bytes(std::move(bytes), name_, options.stop)) {
  for (const std::string& pattern : options.exclude) exclude_.add(pattern);
}

ArchiveImages::~ArchiveImages() = default;

bool ArchiveImages::next(ImageSource* source) {
  while (ready_.empty() && !ended_) read_member();
  if (ready_.empty()) return false;
  *source = std::move(ready_.front());
  ready_.pop_front();
  return true;
}

void ArchiveImages::read_member() {
  TarMember member;
  if (!reader_.next(&member)) {
    end_sample();
    ended_ = true;
    return;
  }
  // What `tar -C folder .` writes in front is no part of the name.
  while (starts_with(member.name, "./")) member.name.erase(0, 2);
  if (member.is_damage) {
    // What may not be all of a sample is for another run.
    if (member.error->code() == ErrorCode::kCancelled) images_.clear();
    end_sample();
    add_error(member.name, *member.error);
    return;
  }
  const std::string_view name = member.name;
  const std::size_t size = key_size(name);
  begin_sample(name.substr(0, size));
  if (member.kind == TarKind::kFolder || is_excluded(name)) return;
  const std::string suffix = lower_ascii(name.substr(std::min(size + 1, name.size())));
  if (is_text(suffix)) {
    take_text(member, suffix);
  } else {
    take_file(member);
  }
}

void ArchiveImages::take_text(const TarMember& member, std::string_view suffix) {
  try {
    check_file(member);
    if (member.size > kMaxTextBytes) throw too_large(kMaxTextBytes);
    std::optional<std::string>* const text = suffix == "txt"   ? &texts_.caption
                                             : suffix == "cls" ? &texts_.cls
                                                               : &texts_.json;
    *text = without_line_ends(reader_.read_rest());
  } catch (const Error& error) {
    if (reader_.ended()) {
      if (error.code() != ErrorCode::kCancelled) end_sample();
      add_error(member.name, error);
    } else if (!texts_error_) {
      texts_error_ = error.within("its " + excerpt(base_name(member.name)));
    }
  }
}

void ArchiveImages::take_file(const TarMember& member) {
  const bool is_named_so = has_image_extension(member.name);
  // What cannot be read, and is not called like an image, is none.
  if (!is_named_so && (member.kind != TarKind::kFile || member.error)) return;
  try {
    check_file(member);
    if (is_named_so && member.size == 0) throw Error(ErrorCode::kCorrupt, "it is empty");
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(member.size, kKindBytes)),
                      '\0');
    for (std::size_t held = 0; held < bytes.size();) {
      held += reader_.read(bytes.data() + held, bytes.size() - held);
    }
    if (is_named_so) {
      // What does not begin as an image is not read to its end.
      known_format_of(bytes, member.name);
    } else {
      const FileKind kind = kind_of_bytes(bytes, member.name);
      if (kind.unreadable != nullptr) ++left_out_[kind.unreadable];
      if (!kind.is_image) return;
    }
    if (member.size > kMaxMemberBytes) throw too_large(kMaxMemberBytes);
    bytes += reader_.read_rest();
    add(member.name, std::move(bytes));
  } catch (const Error& error) {
    add_error(member.name, error);
    if (reader_.ended()) end_sample();
  }
}

void ArchiveImages::add(const std::string& member, std::string bytes) {
  if (images_.size() >= kMaxSampleImages || image_bytes_ + bytes.size() > kMaxSampleBytes) {
    hand_out();
  }
  image_bytes_ += bytes.size();
  ImageSource& source = images_.emplace_back(source_of(member));
  const auto held = std::make_shared<std::string>(std::move(bytes));
  source.load = [held] { return std::move(*held); };
}

// Of a member, or, where that is empty, of the archive.
void ArchiveImages::add_error(const std::string& member, const Error& error) {
  if (error.code() == ErrorCode::kCancelled) {
    images_.clear();
    return;
  }
  if (images_.size() >= kMaxSampleImages) hand_out();
  ImageSource& source = images_.emplace_back(source_of(member));
  // What the system says of the archive names it.
  source.error = error.code() == ErrorCode::kIo ? error : error.within("cannot use " + source.name);
}

ImageSource ArchiveImages::source_of(const std::string& member) const {
  ImageSource source;
  source.name = member.empty() ? name_ : name_ + '/' + member;
  source.archive = name_;
  source.state = state_;
  return source;
}

void ArchiveImages::begin_sample(std::string_view key) {
  if (key == key_) return;
  end_sample();
  key_ = key;
}

void ArchiveImages::end_sample() {
  hand_out();
  key_.clear();
  texts_ = SampleTexts();
  texts_error_.reset();
}

// The images so far, with the texts so far.
void ArchiveImages::hand_out() {
  std::shared_ptr<const SampleTexts> texts;
  if (texts_.caption || texts_.cls || texts_.json) {
    texts = std::make_shared<const SampleTexts>(texts_);
  }
  for (ImageSource& source : images_) {
    source.texts = texts;
    if (texts_error_ && !source.error) {
      source.error = texts_error_->within("cannot use " + source.name);
      source.load = nullptr;
    }
    ready_.push_back(std::move(source));
  }
  images_.clear();
  image_bytes_ = 0;
}

// Whether the member is, or lies in a folder that is.
bool ArchiveImages::is_excluded(std::string_view name) const {
  using Verdict = IgnorePatterns::Verdict;
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (!part.empty() && part != "." && part != "..") {
      const bool by_default = is_excluded_by_default(part);
      const Verdict verdict = exclude_.match(name.substr(0, end), end < name.size(), by_default);
      if (verdict == Verdict::kNone ? by_default : verdict == Verdict::kExcluded) return true;
    }
    begin = end + 1;
  }
  return false;
}

}  // namespace clip
