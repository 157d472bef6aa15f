// The images that people mean when they name files and folders, one path at a time: files as they
// are named, folders with all that is in them, sorted by name, folder by folder. Memory grows with
// the folders, never with the number of images before.
//
// In a folder, an image is a file whose first bytes are an image's, whatever it is called, or one
// that has an image's extension, whatever it holds: who has a broken photo.jpg wants to hear of it.
// Hidden files and folders (".name") are excluded. Links are followed, and each folder is read once
// however many links lead to it, so loops end.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "clip/image_source.h"

namespace clip {

class ImagePaths {
 public:
  // Gives the next file or folder that was named, or false when there are no more.
  using NextNamed = std::function<bool(std::string*)>;

  // `excluded_dir`: a folder that is not entered, the one that results go to; naming it is an
  // error.
  explicit ImagePaths(NextNamed next_named, const std::string& excluded_dir = "");

  // A source with path, size and modification time, or with an error: a folder that cannot be read.
  // False when there are no more. Throws what `next_named` throws.
  bool next(ImageSource* source);

 private:
  using FolderId = std::pair<dev_t, ino_t>;

  struct Folder {
    std::string path;
    std::vector<std::string> names;  // sorted, those still to come at the end, last first
  };

  bool next_in_folders(ImageSource* source);
  bool enter(const std::string& path, ImageSource* failure);  // false: failure says why not

  const NextNamed next_named_;
  std::optional<FolderId> excluded_dir_;
  std::set<FolderId> entered_;
  std::vector<Folder> open_;  // from the one that was named to the one being read
};

}  // namespace clip
