/// \file
/// The images that people mean when they name files and folders, one path at a time: files as they
/// are named, folders with all that is in them, sorted by name, folder by folder. Memory grows with
/// the folders, never with the number of images before.
///
/// In a folder, an image is a file whose first bytes are an image's, whatever it is called, or one
/// that has an image's extension, whatever it holds: who has a broken photo.jpg wants to hear of
/// it. Links are followed, and each folder is read once however many links lead to it, so loops
/// end; /proc, /sys and the like are not entered.
///
/// What patterns in gitignore's syntax exclude is left out: those of the options, and of files
/// named .clipignore in the folder that is named and in those below it, never above it. Hidden
/// files and folders (".name"), `@eaDir` and #recycle are excluded by default; a pattern that
/// begins as the name does includes them again (`!.name`, `!.*`, `!@eaDir`). Whatever is named
/// itself is never excluded.
///
/// A tar archive that is named may be read as well, from a file or a pipe, compressed or not: each
/// image in it is a source with its bytes, called ARCHIVE/MEMBER, and with the texts that a
/// webdataset has beside it. Nothing is unpacked onto the disk. Patterns exclude members as they do
/// files, .clipignore in an archive does not count. Archives in folders are left out.
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

class ArchiveImages;
class FolderWalk;

/// Files of folders that are images of kinds that cannot be read, and were left out: how many of
/// each kind, by its name ("PSD").
using LeftOut = std::map<std::string, std::uint64_t>;
inline constexpr const char* kArchivesLeftOut = "tar archive";  ///< the kind of archives in folders

/// What an archive is that is named.
enum class Archives {
  kFiles,   ///< a file like any other, which is no image
  kRead,    ///< its images are sources
  kRefuse,  ///< an error that says why; no pipe is looked into
};

/// Whether the path is that of a file whose content is an archive, or that is called like one and
/// is no image. False for pipes, which can be read only once. Throws Error where the system fails.
bool names_archive(const std::string& path);

/// Which images are given.
struct ImagePathsOptions {
  /// Patterns, relative to the folder that is named. They count before those of files.
  std::vector<std::string> exclude;

  /// A folder that is not entered, the one that results go to; naming it is an error.
  std::string excluded_dir;

  /// A folder that those named lie in, by paths that begin with it. Patterns are relative to it,
  /// and its .clipignore and those on the way down count as well. Empty: each folder named is by
  /// itself.
  std::string root;

  /// Whether an item, an image or an archive that is read, is given, by its name; asked once for
  /// each, in order, before it is opened. Empty: all are.
  std::function<bool(const std::string& item)> takes;

  /// What becomes of archives that are named.
  Archives archives = Archives::kFiles;

  const CancelToken* stop = nullptr;  ///< ends next(), also in a large folder without images
};

/// The images of the files and folders that are named. For one thread at a time.
class ImagePaths {
 public:
  /// Gives the next file or folder that was named, or false when there are no more.
  using NextNamed = std::function<bool(std::string*)>;

  /// Throws Error (kInvalidArgument) for a pattern that nothing could match.
  explicit ImagePaths(NextNamed next_named, ImagePathsOptions options = {});
  ~ImagePaths();
  ImagePaths(ImagePaths&&) noexcept;  ///< moves

  /// A source with path, size and modification time, or with an error: a folder that cannot be
  /// read. False when there are no more. Throws what `next_named` throws.
  bool next(ImageSource* source);

  const LeftOut& left_out() const { return left_out_; }  ///< of the folders read so far

 private:
  bool takes(const std::string& item) const;
  bool next_in_folder(ImageSource* source);
  bool next_in_archive(ImageSource* source);
  bool take_archive(const std::string& named, const FileState& state, bool is_pipe,
                    ImageSource* source);
  std::unique_ptr<FolderWalk> walk_of(const std::string& folder) const;

  NextNamed next_named_;
  ImagePathsOptions options_;
  std::unique_ptr<FolderWalk> walk_;        ///< of the folder that is being read
  std::unique_ptr<ArchiveImages> archive_;  ///< the archive that is being read
  LeftOut left_out_;
};

}  // namespace clip
