// The pictures that people mean when they name files and folders, one path at a time: files as they
// are named, folders with all that is in them, sorted by name, folder by folder. Memory grows with
// the folders, never with the number of pictures before.
//
// In a folder, a picture is a file whose first bytes are a picture's, whatever it is called, or one
// that is called like a picture, whatever it holds: who has a broken photo.jpg wants to hear of it.
// Hidden files and folders (".name") are left out. Links are followed, and each folder is read once
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

namespace clip {

struct PicturePath {
  std::string path;
  std::string error;      // not empty: this file or folder cannot be used, and why
  std::uint64_t tag = 0;  // comes back with the picture; for whoever makes the paths
};

class PicturePaths {
 public:
  // Gives the next file or folder that was named, or false when there are no more.
  using NextNamed = std::function<bool(std::string*)>;

  // `left_out`: a folder that is not entered, the one that results go to; to name it is an error.
  explicit PicturePaths(NextNamed next_named, const std::string& left_out = "");

  // False when there are no more. Throws what `next_named` throws.
  bool next(PicturePath* picture);

 private:
  using FolderId = std::pair<dev_t, ino_t>;

  struct Folder {
    std::string path;
    std::vector<std::string> names;  // sorted, those still to come at the end, last first
  };

  bool next_in_folders(PicturePath* picture);
  bool enter(const std::string& path, PicturePath* failure);  // false: failure says why not

  const NextNamed next_named_;
  std::optional<FolderId> left_out_;
  std::set<FolderId> entered_;
  std::vector<Folder> open_;  // from the one that was named to the one being read
};

}  // namespace clip
