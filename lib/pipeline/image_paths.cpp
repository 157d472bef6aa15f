#include "clip/image_paths.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "base/file.h"
#include "clip/image.h"
#include "pipeline/file_state.h"

namespace clip {
namespace {

// The names in a folder except hidden ones, last first. False, with errno, where it cannot be read.
bool read_names(const std::string& path, std::vector<std::string>* names) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  if (folder == nullptr) return false;
  errno = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') names->emplace_back(entry->d_name);
  }
  if (errno != 0) return false;
  std::sort(names->begin(), names->end(), std::greater<>());
  return true;
}

// False where there is no such file, and for a name with a NUL byte in it: the system would take
// the part in front of that for all of it.
bool status(const std::string& path, struct stat* info) {
  return path.find('\0') == std::string::npos && ::stat(path.c_str(), info) == 0;
}

}  // namespace

ImagePaths::ImagePaths(NextNamed next_named, const std::string& excluded_dir)
    : next_named_(std::move(next_named)) {
  struct stat info = {};
  if (!excluded_dir.empty() && status(excluded_dir, &info)) {
    excluded_dir_ = FolderId{info.st_dev, info.st_ino};
  }
}

bool ImagePaths::next(ImageSource* source) {
  *source = ImageSource();
  for (;;) {
    if (next_in_folders(source)) return true;
    std::string named;
    if (!next_named_(&named)) return false;
    struct stat info = {};
    const bool found = status(named, &info);
    if (!found || !S_ISDIR(info.st_mode)) {
      source->name = std::move(named);
      if (found) source->state = state_of(info);
      return true;
    }
    // A folder that is named twice is meant twice; links within one are what could go on for ever.
    entered_.clear();
    if (FolderId{info.st_dev, info.st_ino} == excluded_dir_) {
      source->error = Error(
          ErrorCode::kInvalidArgument,
          fmt::format("cannot read the folder {}: it is the one that results go to; let them go to "
                      "another, such as one in it",
                      named));
      source->name = std::move(named);
      return true;
    }
    if (!enter(named, source)) return true;
  }
}

bool ImagePaths::enter(const std::string& path, ImageSource* failure) {
  struct stat info = {};
  Folder folder;
  folder.path = path;
  if (::stat(path.c_str(), &info) == 0) {
    const FolderId id{info.st_dev, info.st_ino};
    if (id == excluded_dir_ || !entered_.insert(id).second) return true;
    if (read_names(path, &folder.names)) {
      open_.push_back(std::move(folder));
      return true;
    }
  }
  failure->error = file_error("read the folder", path, errno);
  failure->name = path;
  return false;
}

bool ImagePaths::next_in_folders(ImageSource* source) {
  while (!open_.empty()) {
    Folder& folder = open_.back();
    if (folder.names.empty()) {
      open_.pop_back();
      continue;
    }
    const std::string name = std::move(folder.names.back());
    folder.names.pop_back();
    const std::string path = joined_path(folder.path, name);
    struct stat info = {};
    const bool found = ::stat(path.c_str(), &info) == 0;
    if (found && S_ISDIR(info.st_mode)) {
      if (!enter(path, source)) return true;
      continue;
    }
    // Pipes and devices are no images, and reading them could wait for ever. A link to nowhere
    // that is called like an image is an image that is missing.
    const bool may_be = found ? S_ISREG(info.st_mode) : has_image_extension(name);
    if (may_be && (has_image_extension(name) || begins_like_an_image(path))) {
      source->name = path;
      if (found) source->state = state_of(info);
      return true;
    }
  }
  return false;
}

}  // namespace clip
