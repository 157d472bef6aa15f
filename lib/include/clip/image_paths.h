// The images that people mean when they name files and folders, one path at a time: files as they
// are named, folders with all that is in them, sorted by name, folder by folder. Memory grows with
// the folders, never with the number of images before.
//
// In a folder, an image is a file whose first bytes are an image's, whatever it is called, or one
// that has an image's extension, whatever it holds: who has a broken photo.jpg wants to hear of it.
// Links are followed, and each folder is read once however many links lead to it, so loops end.
//
// What patterns in gitignore's syntax exclude is left out: those of the options, and of files named
// .clipignore in the folder that is named and in those below it, never above it. Hidden files and
// folders (".name"), @eaDir and #recycle are excluded by default; a pattern that begins as the name
// does includes them again (!.name, !.*, !@eaDir). Whatever is named itself is never excluded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "clip/image_source.h"

namespace clip {

class FolderWalk;

// Files of folders that are images of kinds that cannot be read, and were left out: how many of
// each kind, by its name ("PSD").
using LeftOut = std::map<std::string, std::uint64_t>;

struct ImagePathsOptions {
  // Patterns, relative to the folder that is named. They count before those of files.
  std::vector<std::string> exclude;

  // A folder that is not entered, the one that results go to; naming it is an error.
  std::string excluded_dir;

  // A folder that those named lie in, by paths that begin with it. Patterns are relative to it, and
  // its .clipignore and those on the way down count as well. Empty: each folder named is by itself.
  std::string root;

  // Whether an item is given, by its name; asked once for each, in order, before it is opened. Not
  // given are those of other shards. Empty: all are.
  std::function<bool(const std::string& item)> takes;

  const CancelToken* stop = nullptr;  // ends next(), also in a large folder without images
};

class ImagePaths {
 public:
  // Gives the next file or folder that was named, or false when there are no more.
  using NextNamed = std::function<bool(std::string*)>;

  // Throws Error (kInvalidArgument) for a pattern that nothing could match.
  explicit ImagePaths(NextNamed next_named, ImagePathsOptions options = {});
  ~ImagePaths();
  ImagePaths(ImagePaths&&) noexcept;

  // A source with path, size and modification time, or with an error: a folder that cannot be read.
  // False when there are no more. Throws what `next_named` throws.
  bool next(ImageSource* source);

  const LeftOut& left_out() const { return left_out_; }  // of the folders read so far

 private:
  bool next_item(ImageSource* source);
  bool next_in_folder(ImageSource* source);
  std::unique_ptr<FolderWalk> walk_of(const std::string& folder) const;

  NextNamed next_named_;
  ImagePathsOptions options_;
  std::unique_ptr<FolderWalk> walk_;  // of the folder that is being read
  LeftOut left_out_;
};

}  // namespace clip
