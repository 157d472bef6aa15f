// Tar archives: the samples of a webdataset, with their bytes and texts. Compressed ones are
// libarchive's to read, which takes what memory the kind of compression asks for.
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "archive/archive_kind.h"
#include "base/strings.h"
#include "clip/error.h"
#include "fuzz.h"
#include "pipeline/archive_images.h"

namespace {

// Gives few bytes at a time, as a pipe may.
class Bytes : public clip::ByteSource {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::size_t read(char* to, std::size_t size) override {
    const std::size_t count = std::min({size, bytes_.size(), std::size_t{700}});
    std::memcpy(to, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
};

}  // namespace

void clip_fuzz::read_input(std::string_view input) {
  const std::string_view head = input.substr(0, clip::kArchiveHead);
  const clip::ArchiveKind kind = clip::archive_kind(head);
  if (kind == clip::ArchiveKind::kCompressed) {
    for (std::size_t size = 0; size <= head.size(); ++size) {
      require(clip::may_be_archive(head.substr(0, size)), "it may be one before all has come");
    }
    return;
  }
  clip::ArchiveImages images(std::make_unique<Bytes>(input), "a.tar", {});
  std::size_t bytes = 0, errors = 0, good = 0;
  std::string first_error;
  for (clip::ImageSource source; images.next(&source);) {
    require(source.archive == "a.tar" && clip::starts_with(source.name, "a.tar"), "it has its name");
    require(source.name.find('\0') == std::string::npos, "no NUL is in a name");
    require(source.error.has_value() == (source.load == nullptr), "it has bytes or an error");
    if (source.error) {
      ++errors;
      if (first_error.empty()) first_error = source.error->what();
      continue;
    }
    ++good;
    bytes += source.load().size();
  }
  require(bytes <= input.size(), "no bytes come from nowhere");
  require(good + errors <= input.size() / 512 + 2, "each member has a header");
  if (good == 0 && errors > 0) throw clip::Error(clip::ErrorCode::kCorrupt, first_error);
}
