// One folder and all that lies below it, depth first, each folder's entries sorted by the bytes of
// their names, but for what patterns exclude.
//
// Patterns (pipeline/ignore_patterns.h) come from three places. Of those in `exclude` that match,
// the last decides, else the last in the nearest .clipignore file, from the folder of the entry up
// to the root; else hidden entries (".name") and what storage keeps beside images (@eaDir,
// #recycle) are excluded. Those by default are included again by patterns that begin as the name
// does: !@eaDir,
// !.name, !.*, but not !*. Below an excluded folder nothing can be included again. The root itself
// is never excluded.
//
// Links are followed. Each folder (device and inode) is entered once, so loops end; what is not
// entered is not given, as folders in which the kernel shows itself (/proc, /sys) are not. Folders
// are opened relative to one another and a bounded number of them is kept open, so depth is limited
// by memory alone; but the system opens no path of more than 4095 bytes by its name. Memory grows
// with the folders that are open, and by a number for each folder entered. For one thread.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "clip/cancel.h"
#include "clip/error.h"
#include "pipeline/ignore_patterns.h"

namespace clip {

struct WalkOptions {
  std::vector<std::string> exclude;  // patterns, relative to the root
  std::string excluded_dir;          // a folder that is not entered, such as one that results go to
  std::size_t max_depth = SIZE_MAX;  // 1: folders in the root are given, but not entered
  const CancelToken* stop = nullptr;
};

struct WalkEntry {
  enum class Kind {
    kFolder,     // is entered: its entries follow
    kFile,       // anything else, such as a pipe or a link to nowhere
    kFolderEnd,  // of the last kFolder that has had none
    kError,      // a folder that cannot be read, or not to its end; it is not entered from here on
  };

  Kind kind = Kind::kFile;
  std::string path;      // the root, joined with `relative`
  std::string relative;  // below the root; empty for the root itself
  std::string name;      // the last part of `relative`

  // Of what the path leads to. A file is not found where a link leads nowhere (ENOENT, ELOOP) or
  // the system does not say (EACCES, EIO): stat_errno tells, and is 0 where it is found.
  bool found = false;
  int stat_errno = 0;
  struct stat info = {};

  bool mount_point = false;    // of a folder: it is on another device than the one it was found in
  bool complete = true;        // of kFolderEnd: all its entries have been given
  std::optional<Error> error;  // of kError
};

class FolderWalk {
 public:
  // Throws Error (kInvalidArgument) for a pattern that nothing could match.
  explicit FolderWalk(std::string root, WalkOptions options = {});

  // Walks only `sub`, a folder below the root, in the same way as a walk of the root would: with
  // the patterns that are in force there, paths relative to the root, and folders above `sub` not
  // entered again. Throws for a `sub` that leads out of the root ("..").
  FolderWalk(std::string root, const std::string& sub, WalkOptions options);

  FolderWalk(const FolderWalk&) = delete;
  FolderWalk& operator=(const FolderWalk&) = delete;

  // The next entry. False when there are no more, and once `stop` is cancelled; kFolderEnd of the
  // root tells which. A root that cannot be read is kError. What vanishes during the walk is left
  // out.
  bool next(WalkEntry* entry);

  // Known after the first next(): `sub` is not part of the walk of the root, so there is no entry.
  bool sub_is_excluded() const { return sub_is_excluded_; }

 private:
  using FolderId = std::pair<dev_t, ino_t>;
  struct HashId {
    std::size_t operator()(const FolderId& id) const {
      return id.second ^ (id.first * std::size_t{0x9E3779B97F4A7C15});
    }
  };
  struct Name {
    std::size_t at;      // in Folder::names
    unsigned char type;  // readdir's
  };
  struct Folder {
    struct stat info = {};
    bool mount_point = false, complete = true;
    std::size_t path_size = 0;  // its path is that much of path_
    Descriptor descriptor;      // closed in between where many folders are open
    std::string names;          // each with a NUL at its end
    std::vector<Name> entries;  // sorted, those still to come at the end, last first
  };
  // A .clipignore file.
  struct Ignored {
    IgnorePatterns patterns;
    std::size_t bytes;    // of the file
    std::size_t path_at;  // where paths relative to its folder begin in relative ones
    std::size_t depth;    // of its folder
  };
  enum class Outcome { kEntered, kPassedOver, kFailed };

  bool begin(WalkEntry* entry);
  bool next_in(WalkEntry* entry);
  Outcome enter(int parent, const char* name, const struct stat& info, WalkEntry* entry);
  void leave(WalkEntry* entry);
  bool read_folder(Folder* folder, bool* has_patterns) const;
  std::optional<Error> read_patterns(int folder, std::size_t depth);
  bool reopen(Folder* folder, int child);
  bool is_excluded(std::string_view relative, std::string_view name, bool is_folder) const;
  bool any_patterns() const { return !excluded_.empty() || !ignored_.empty(); }
  bool stopped() const { return options_.stop != nullptr && options_.stop->cancelled(); }

  std::string_view relative() const;
  void append(std::string_view name);
  void fill(WalkEntry::Kind kind, WalkEntry* entry) const;
  void fail(Error error, WalkEntry* entry) const;

  const std::string root_;
  const std::vector<std::string> sub_;  // its parts
  const WalkOptions options_;
  IgnorePatterns excluded_;
  std::optional<FolderId> excluded_dir_;
  bool has_begun_ = false, sub_is_excluded_ = false;
  bool must_leave_ = false;  // the folder given last, which is read no further
  std::unordered_set<FolderId, HashId> entered_;
  std::vector<Ignored> ignored_;  // from the root on
  std::vector<Folder> open_;      // from the root, or `sub`, to the one being read
  std::string path_;              // of the entry given last, or of a folder that it is in
};

// Hidden, or what storage keeps beside images: Synology's @eaDir, QNAP's #recycle.
bool is_excluded_by_default(std::string_view name);

}  // namespace clip
