#include "clip/image_paths.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "archive/archive_kind.h"
#include "archive/file_source.h"
#include "base/file.h"
#include "base/file_reader.h"
#include "base/strings.h"
#include "clip/image.h"
#include "image/formats/formats.h"
#include "pipeline/archive_images.h"
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

std::string head_of(FileReader* file) {
  std::string head(std::max(kArchiveHead, kKindBytes), '\0');
  std::size_t held = 0;
  while (held < head.size()) {
    const std::size_t count = file->read(head.data() + held, head.size() - held);
    if (count == 0) break;
    held += count;
  }
  head.resize(held);
  return head;
}

// By its content; what is neither an archive nor an image is what it is called.
bool is_archive(std::string_view head, const std::string& path) {
  if (archive_kind(head) != ArchiveKind::kNone) return true;
  return has_archive_extension(path) && !kind_of_bytes(head, path).is_image;
}

// The bytes of a file that is being read, as decode_file reads them.
std::string bytes_of(FileReader* file, std::string head, ReadOptions options) {
  options.check_head = [file](std::string_view first) {
    try {
      known_format_of(first, file->path());
    } catch (const Error& error) {
      throw error.within("cannot use " + file->path());
    }
  };
  return read_rest(file, std::move(head), options);
}

}  // namespace

bool names_archive(const std::string& path) {
  struct stat info = {};
  if (!status(path, &info) || !S_ISREG(info.st_mode) || has_image_extension(path)) return false;
  FileReader file(path, {});
  return is_archive(head_of(&file), path);
}

ImagePaths::ImagePaths(NextNamed next_named, ImagePathsOptions options)
    : next_named_(std::move(next_named)), options_(std::move(options)) {
  IgnorePatterns checked;
  for (const std::string& pattern : options_.exclude) checked.add(pattern);
}

ImagePaths::~ImagePaths() = default;
ImagePaths::ImagePaths(ImagePaths&&) noexcept = default;

bool ImagePaths::next(ImageSource* source) {
  *source = ImageSource();
  for (;;) {
    if (walk_ != nullptr && next_in_folder(source)) return true;
    walk_.reset();
    if (archive_ != nullptr && next_in_archive(source)) return true;
    archive_.reset();
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
    if (found && options_.archives != Archives::kFiles && !has_image_extension(named) &&
        (S_ISREG(info.st_mode) || S_ISFIFO(info.st_mode))) {
      if (!take_archive(named, state_of(info), S_ISFIFO(info.st_mode), source)) continue;
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

bool ImagePaths::next_in_archive(ImageSource* source) {
  if (archive_->next(source)) return true;
  for (const auto& [kind, count] : archive_->left_out()) left_out_[kind] += count;
  return false;
}

// Begins an archive, and gives false; or gives what is no archive as a source.
bool ImagePaths::take_archive(const std::string& named, const FileState& state, bool is_pipe,
                              ImageSource* source) {
  *source = ImageSource();
  source->name = named;
  source->state = state;
  if (is_pipe && options_.archives == Archives::kRefuse) return true;
  ReadOptions read;
  read.stop = options_.stop;
  try {
    auto file = std::make_shared<FileReader>(named, read);
    std::string head = head_of(file.get());
    if (is_archive(head, named)) {
      source->archive = named;
      if (options_.archives == Archives::kRefuse) {
        throw refused_archive(named);
      }
      ArchiveImagesOptions options;
      options.exclude = options_.exclude;
      options.state = state;
      options.stop = options_.stop;
      archive_ = std::make_unique<ArchiveImages>(
          std::make_unique<ResumedSource>(std::move(head),
                                          std::make_unique<FileSource>(std::move(*file))),
          named, options);
      return false;
    }
    // A pipe can be read once.
    if (is_pipe) {
      source->load = [file, read, head = std::move(head)]() mutable {
        return bytes_of(file.get(), std::move(head), read);
      };
    }
  } catch (const Error& error) {
    source->error = error;
  }
  return true;
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
    if (!kind.is_image && has_archive_extension(entry.name)) ++left_out_[kArchivesLeftOut];
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
