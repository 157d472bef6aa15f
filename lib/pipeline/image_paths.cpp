#include "clip/image_paths.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "clip/image.h"
#include "pipeline/file_state.h"
#include "pipeline/folder_walk.h"
#include "pipeline/ignore_patterns.h"

namespace clip {
namespace {

// False where there is no such file, and for a name with a NUL byte in it: the system would take
// the part in front of that for all of it.
bool status(const std::string& path, struct stat* info) {
  return path.find('\0') == std::string::npos && ::stat(path.c_str(), info) == 0;
}

}  // namespace

ImagePaths::ImagePaths(NextNamed next_named, ImagePathsOptions options)
    : next_named_(std::move(next_named)), options_(std::move(options)) {
  IgnorePatterns checked;
  for (const std::string& pattern : options_.exclude) checked.add(pattern);
}

ImagePaths::~ImagePaths() = default;
ImagePaths::ImagePaths(ImagePaths&&) noexcept = default;

bool ImagePaths::next(ImageSource* source) {
  while (next_item(source)) {
    if (options_.takes == nullptr || options_.takes(source->name)) return true;
  }
  return false;
}

bool ImagePaths::next_item(ImageSource* source) {
  *source = ImageSource();
  for (;;) {
    if (walk_ != nullptr && next_in_folder(source)) return true;
    walk_.reset();
    if (options_.stop != nullptr && options_.stop->cancelled()) return false;
    std::string named;
    if (!next_named_(&named)) return false;
    struct stat info = {};
    errno = 0;
    const bool found = status(named, &info);
    if (!found && is_fault(errno)) {
      // What it is cannot be told: reading it as an image would find out something else.
      source->error = file_error("read", named, errno);
      source->name = std::move(named);
      return true;
    }
    if (!found || !S_ISDIR(info.st_mode)) {
      source->name = std::move(named);
      if (found) source->state = state_of(info);
      return true;
    }
    struct stat excluded = {};
    if (!options_.excluded_dir.empty() && status(options_.excluded_dir, &excluded) &&
        excluded.st_dev == info.st_dev && excluded.st_ino == info.st_ino) {
      source->error = Error(
          ErrorCode::kInvalidArgument,
          fmt::format("cannot read the folder {}: it is the one that results go to; let them go to "
                      "another, such as one in it",
                      named));
      source->name = std::move(named);
      return true;
    }
    // A folder that is named twice is meant twice; links within one are what could go on for ever.
    walk_ = walk_of(named);
  }
}

std::unique_ptr<FolderWalk> ImagePaths::walk_of(const std::string& folder) const {
  WalkOptions options;
  options.exclude = options_.exclude;
  options.excluded_dir = options_.excluded_dir;
  options.stop = options_.stop;
  const std::string above = options_.root.empty() ? "" : joined_path(options_.root, "");
  if (above.empty() || !starts_with(folder, above)) {
    return std::make_unique<FolderWalk>(folder, std::move(options));
  }
  return std::make_unique<FolderWalk>(options_.root, folder.substr(above.size()),
                                      std::move(options));
}

bool ImagePaths::next_in_folder(ImageSource* source) {
  WalkEntry entry;
  while (walk_->next(&entry)) {
    if (entry.kind == WalkEntry::Kind::kError) {
      source->name = std::move(entry.path);
      source->error = std::move(entry.error);
      return true;
    }
    if (entry.kind != WalkEntry::Kind::kFile) continue;
    // It may be an image, or a folder of them.
    if (!entry.found && is_fault(entry.stat_errno)) {
      source->error = file_error("read", entry.path, entry.stat_errno);
      source->name = std::move(entry.path);
      return true;
    }
    // Pipes and devices are no images, and reading them could wait for ever. A link to nowhere
    // that is called like an image is an image that is missing.
    const bool is_named_so = has_image_extension(entry.name);
    const bool may_be = entry.found ? S_ISREG(entry.info.st_mode) : is_named_so;
    if (!may_be) continue;
    FileKind kind{true, nullptr};
    if (!is_named_so) {
      try {
        kind = kind_of_file(entry.path);
      } catch (const Error& error) {
        source->name = std::move(entry.path);
        source->error = error;
        return true;
      }
    }
    if (kind.unreadable != nullptr) ++left_out_[kind.unreadable];
    if (kind.is_image) {
      source->name = std::move(entry.path);
      if (entry.found) source->state = state_of(entry.info);
      source->only_regular = true;
      return true;
    }
  }
  return false;
}

}  // namespace clip
