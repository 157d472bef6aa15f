#include "pipeline/picture_paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "image/header.h"

namespace clip {
namespace {

bool is_named_like_a_picture(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string ending(name.substr(dot + 1));
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const char* known : {"jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp",
                            "dib", "pbm", "pgm", "ppm", "pnm"}) {
    if (ending == known) return true;
  }
  return false;
}

bool begins_like_a_picture(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return false;
  char first[16];
  const ssize_t count = ::read(file, first, sizeof first);
  ::close(file);
  return count > 0 && has_signature(std::string_view(first, static_cast<std::size_t>(count)));
}

std::string joined(const std::string& folder, const std::string& name) {
  return !folder.empty() && folder.back() == '/' ? folder + name : folder + "/" + name;
}

// The names in a folder but hidden ones, last first. False, with errno, where it cannot be read.
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

}  // namespace

PicturePaths::PicturePaths(NextNamed next_named, const std::string& left_out)
    : next_named_(std::move(next_named)) {
  struct stat info = {};
  if (!left_out.empty() && ::stat(left_out.c_str(), &info) == 0) {
    left_out_ = FolderId{info.st_dev, info.st_ino};
  }
}

bool PicturePaths::next(PicturePath* picture) {
  *picture = PicturePath();
  for (;;) {
    if (next_in_folders(picture)) return true;
    std::string named;
    if (!next_named_(&named)) return false;
    struct stat info = {};
    if (::stat(named.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
      picture->path = std::move(named);
      return true;
    }
    // Who names a folder twice means it twice; links within one are what could go on for ever.
    entered_.clear();
    if (FolderId{info.st_dev, info.st_ino} == left_out_) {
      picture->error = fmt::format(
          "cannot read the folder {}: it is the one that results go to; let them go to another, "
          "such as one in it",
          named);
      picture->path = std::move(named);
      return true;
    }
    if (!enter(named, picture)) return true;
  }
}

bool PicturePaths::enter(const std::string& path, PicturePath* failure) {
  struct stat info = {};
  Folder folder;
  folder.path = path;
  if (::stat(path.c_str(), &info) == 0) {
    const FolderId id{info.st_dev, info.st_ino};
    if (id == left_out_ || !entered_.insert(id).second) return true;
    if (read_names(path, &folder.names)) {
      open_.push_back(std::move(folder));
      return true;
    }
  }
  failure->path = path;
  failure->error = fmt::format("cannot read the folder {}: {}", path, std::strerror(errno));
  return false;
}

bool PicturePaths::next_in_folders(PicturePath* picture) {
  while (!open_.empty()) {
    Folder& folder = open_.back();
    if (folder.names.empty()) {
      open_.pop_back();
      continue;
    }
    const std::string name = std::move(folder.names.back());
    folder.names.pop_back();
    const std::string path = joined(folder.path, name);
    struct stat info = {};
    const bool there = ::stat(path.c_str(), &info) == 0;
    if (there && S_ISDIR(info.st_mode)) {
      if (!enter(path, picture)) return true;
      continue;
    }
    // Pipes and devices are no pictures, and reading them could wait for ever. A link to nowhere
    // that is called like a picture is a picture that is missing.
    const bool may_be = there ? S_ISREG(info.st_mode) : is_named_like_a_picture(name);
    if (may_be && (is_named_like_a_picture(name) || begins_like_a_picture(path))) {
      picture->path = path;
      return true;
    }
  }
  return false;
}

}  // namespace clip
