#include "pipeline/folder_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace clip {
namespace {

constexpr const char* kIgnoreFile = ".clipignore";
constexpr std::size_t kMaxIgnoreFile = std::size_t{1} << 20;
constexpr std::size_t kMaxIgnoreFiles = std::size_t{16} << 20;  // of all that are in force at once

// So many folders are kept open: a process may have 1024 files, and others want some, too.
constexpr std::size_t kMaxDescriptors = 32;

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;

// A folder below one that is open, or below the working folder, by a path of any length: the system
// takes at most PATH_MAX bytes at once.
Descriptor open_far(std::string_view path) {
  constexpr std::size_t kMaxStep = 4000;
  Descriptor at;
  for (;;) {
    const int from = at.valid() ? at.get() : AT_FDCWD;
    const std::size_t cut = path.size() <= kMaxStep ? 0 : path.rfind('/', kMaxStep);
    if (cut == 0 || cut == std::string_view::npos) {
      return Descriptor(::openat(from, std::string(path).c_str(), kFolderFlags));
    }
    Descriptor next(
        ::openat(from, std::string(path.substr(0, cut)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!next.valid()) return next;
    at = std::move(next);
    path.remove_prefix(std::min(path.size(), path.find_first_not_of('/', cut)));
  }
}

// Whether nothing of that name is there, not even a link.
bool is_gone(int folder, const char* name) {
  struct stat info = {};
  return ::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

// Whether the folder is of a file system in which the kernel shows itself, such as /proc, where
// links lead to every folder of the machine, once for each process.
bool is_of_kernel(int parent, const char* name) {
  const Descriptor folder(::openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct statfs info = {};
  if (!folder.valid() || ::fstatfs(folder.get(), &info) != 0) return false;
  switch (static_cast<std::uint32_t>(info.f_type)) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case PSTOREFS_MAGIC:
    case BPF_FS_MAGIC:
      return true;
    default:
      return false;
  }
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == "..") {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the folder {} must be named without ..", path));
    }
    if (!part.empty() && part != ".") parts.push_back(part);
    at = end + 1;
  }
  return parts;
}

}  // namespace

bool is_excluded_by_default(std::string_view name) {
  return name[0] == '.' || name == "@eaDir" || name == "#recycle";
}

FolderWalk::FolderWalk(std::string root, WalkOptions options)
    : FolderWalk(std::move(root), "", std::move(options)) {}

FolderWalk::FolderWalk(std::string root, const std::string& sub, WalkOptions options)
    : root_(std::move(root)), sub_(parts_of(sub)), options_(std::move(options)) {
  for (const std::string& each : options_.exclude) excluded_.add(each);
  struct stat info = {};
  const std::string& excluded = options_.excluded_dir;
  if (!excluded.empty() && excluded.find('\0') == std::string::npos &&
      ::stat(excluded.c_str(), &info) == 0) {
    excluded_dir_ = FolderId{info.st_dev, info.st_ino};
  }
}

bool FolderWalk::next(WalkEntry* entry) {
  if (stopped()) return false;
  if (!has_begun_) {
    has_begun_ = true;
    return begin(entry);
  }
  while (!open_.empty()) {
    if (stopped()) return false;
    if (must_leave_ || open_.back().entries.empty()) {
      leave(entry);
      return true;
    }
    if (next_in(entry)) return true;
  }
  return false;
}

// Enters the root or, on the way through the folders above it, `sub`.
bool FolderWalk::begin(WalkEntry* entry) {
  path_ = root_;
  struct stat info = {};
  int failure = root_.find('\0') == std::string::npos ? 0 : ENOENT;
  if (failure == 0 && ::stat(root_.c_str(), &info) != 0) failure = errno;
  if (failure == 0 && !S_ISDIR(info.st_mode)) failure = ENOTDIR;
  if (failure != 0) {
    fail(file_error("read the folder", root_, failure), entry);
    return true;
  }
  Descriptor parent;
  std::string name = root_;
  for (const std::string& part : sub_) {
    // `name` is a folder above sub.
    const int from = parent.valid() ? parent.get() : AT_FDCWD;
    Descriptor folder(::openat(from, name.c_str(), kFolderFlags));
    if (!folder.valid()) {
      fail(file_error("read the folder", path_, errno), entry);
      return true;
    }
    const FolderId id{info.st_dev, info.st_ino};
    sub_is_excluded_ = id == excluded_dir_ || !entered_.insert(id).second;
    if (sub_is_excluded_) return false;
    std::optional<Error> error = read_patterns(folder.get(), 0);
    if (error) {
      fail(*std::move(error), entry);
      return true;
    }
    append(part);
    sub_is_excluded_ = is_excluded(relative(), part, /*is_folder=*/true);
    if (sub_is_excluded_) return false;
    failure = ::fstatat(folder.get(), part.c_str(), &info, 0) == 0 ? 0 : errno;
    if (failure == 0 && !S_ISDIR(info.st_mode)) failure = ENOTDIR;
    if (failure != 0) {
      fail(file_error("read the folder", path_, failure), entry);
      return true;
    }
    parent = std::move(folder);
    name = part;
  }
  struct stat above = info;
  if (parent.valid()) ::fstat(parent.get(), &above);
  const Outcome outcome =
      enter(parent.valid() ? parent.get() : AT_FDCWD, name.c_str(), info, entry);
  if (outcome == Outcome::kEntered) {
    open_.back().mount_point = entry->mount_point = above.st_dev != info.st_dev;
  }
  sub_is_excluded_ = outcome == Outcome::kPassedOver && !sub_.empty();
  return outcome != Outcome::kPassedOver;
}

// One entry of the folder being read. False: it is passed over.
bool FolderWalk::next_in(WalkEntry* entry) {
  Folder& folder = open_.back();
  path_.resize(folder.path_size);
  if (!folder.descriptor.valid() && !reopen(&folder, -1)) {
    const int failure = errno;
    must_leave_ = true;
    folder.complete = false;
    if (failure == ENOENT) return false;
    fail(file_error("read the folder", path_, failure), entry);
    return true;
  }
  const Name each = folder.entries.back();
  folder.entries.pop_back();
  const char* const name = folder.names.data() + each.at;
  const int at = folder.descriptor.get();
  append(name);

  // What a link leads to, and what some file systems do not say, decides what patterns match.
  struct stat info = {};
  int failure = -1;  // not known yet
  const auto look = [&] { failure = ::fstatat(at, name, &info, 0) == 0 ? 0 : errno; };
  bool is_folder = each.type == DT_DIR;
  if ((each.type == DT_LNK || each.type == DT_UNKNOWN) && any_patterns()) {
    look();
    is_folder = failure == 0 && S_ISDIR(info.st_mode);
  }
  if (is_excluded(relative(), name, is_folder)) return false;
  if (failure < 0) look();
  if (failure == ENOENT && is_gone(at, name)) return false;

  if (failure == 0 && S_ISDIR(info.st_mode)) {
    const bool mount_point = info.st_dev != folder.info.st_dev;
    if (mount_point && is_of_kernel(at, name)) return false;
    const Outcome outcome = enter(at, name, info, entry);  // `folder` may have moved
    if (outcome == Outcome::kEntered) {
      open_.back().mount_point = entry->mount_point = mount_point;
    }
    return outcome != Outcome::kPassedOver;
  }
  fill(WalkEntry::Kind::kFile, entry);
  entry->found = failure == 0;
  entry->stat_errno = failure;
  if (entry->found) entry->info = info;
  return true;
}

// Enters the folder of path_, which is `name` in `parent`.
FolderWalk::Outcome FolderWalk::enter(int parent, const char* name, const struct stat& info,
                                      WalkEntry* entry) {
  const FolderId id{info.st_dev, info.st_ino};
  if (id == excluded_dir_) return Outcome::kPassedOver;
  Folder folder;
  folder.info = info;
  folder.path_size = path_.size();
  if (open_.size() < options_.max_depth) {
    if (!entered_.insert(id).second) return Outcome::kPassedOver;
    folder.descriptor = Descriptor(::openat(parent, name, kFolderFlags));
    bool has_patterns = false;
    if (!folder.descriptor.valid() || !read_folder(&folder, &has_patterns)) {
      if (errno == ENOENT && !open_.empty()) return Outcome::kPassedOver;  // gone
      fail(file_error("read the folder", path_, errno), entry);
      return Outcome::kFailed;
    }
    // Without its patterns a folder is not read: they may keep private what is in it.
    std::optional<Error> error;
    if (has_patterns) error = read_patterns(folder.descriptor.get(), open_.size());
    if (error) {
      fail(*std::move(error), entry);
      return Outcome::kFailed;
    }
  }
  open_.push_back(std::move(folder));
  if (open_.size() > kMaxDescriptors) open_[open_.size() - 1 - kMaxDescriptors].descriptor.reset();
  fill(WalkEntry::Kind::kFolder, entry);
  entry->found = true;
  entry->info = info;
  return Outcome::kEntered;
}

void FolderWalk::leave(WalkEntry* entry) {
  must_leave_ = false;
  const Folder folder = std::move(open_.back());
  open_.pop_back();
  while (!ignored_.empty() && !open_.empty() && ignored_.back().depth == open_.size()) {
    ignored_.pop_back();
  }
  path_.resize(folder.path_size);
  fill(WalkEntry::Kind::kFolderEnd, entry);
  entry->found = true;
  entry->info = folder.info;
  entry->mount_point = folder.mount_point;
  entry->complete = folder.complete;
  // Cheaper from here than from the root; if it fails, as it does behind links, that comes later.
  if (!open_.empty() && !open_.back().descriptor.valid() && folder.descriptor.valid()) {
    reopen(&open_.back(), folder.descriptor.get());
  }
}

// Its names, sorted. False, with errno, where it cannot be read.
bool FolderWalk::read_folder(Folder* folder, bool* has_patterns) const {
  // The stream closes the descriptor that it is given.
  Descriptor copy(::fcntl(folder->descriptor.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return false;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), &::closedir);
  if (stream == nullptr) return false;
  copy.release();
  for (;;) {
    errno = 0;
    const dirent* const each = ::readdir(stream.get());
    if (each == nullptr) break;
    const char* const name = each->d_name;
    if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
    if (std::strcmp(name, kIgnoreFile) == 0) *has_patterns = true;
    folder->entries.push_back({folder->names.size(), each->d_type});
    folder->names.append(name, std::strlen(name) + 1);
  }
  if (errno != 0) return false;
  const char* const names = folder->names.data();
  std::sort(folder->entries.begin(), folder->entries.end(), [=](const Name& a, const Name& b) {
    return std::strcmp(names + a.at, names + b.at) > 0;
  });
  return true;
}

// The .clipignore file of the folder of path_, if it has one.
std::optional<Error> FolderWalk::read_patterns(int folder, std::size_t depth) {
  const auto path = [&] { return joined_path(path_, kIgnoreFile); };
  const auto cannot_read = [&](ErrorCode code, const char* why) {
    return Error(code, fmt::format("cannot read {}: {}", path(), why));
  };
  // Opening a pipe would wait for its writer.
  const Descriptor file(::openat(folder, kIgnoreFile, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) {
    const int failure = errno;
    if (failure == ENOENT && is_gone(folder, kIgnoreFile)) return std::nullopt;
    return file_error("read", path(), failure);
  }
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return file_error("read", path(), errno);
  if (!S_ISREG(info.st_mode)) return cannot_read(ErrorCode::kUnsupported, "it is no regular file");
  std::string text(std::min(kMaxIgnoreFile, static_cast<std::size_t>(info.st_size)) + 1, '\0');
  std::size_t held = 0;
  for (;;) {
    const ssize_t count = read_some(file.get(), text.data() + held, text.size() - held);
    if (count < 0) return file_error("read", path(), errno);
    held += static_cast<std::size_t>(count);
    if (held > kMaxIgnoreFile) return cannot_read(ErrorCode::kLimit, "it is larger than 1 MiB");
    if (count == 0) break;
    if (held == text.size()) text.resize(kMaxIgnoreFile + 1);  // it has grown
  }
  text.resize(held);
  std::size_t in_force = held;
  for (const Ignored& each : ignored_) in_force += each.bytes;
  if (in_force > kMaxIgnoreFiles) {
    return cannot_read(ErrorCode::kLimit, "it and those above are larger than 16 MiB");
  }
  IgnorePatterns patterns;
  patterns.add_file(text);
  if (patterns.empty()) return std::nullopt;
  const std::size_t above = relative().size();
  ignored_.push_back({std::move(patterns), held, above == 0 ? 0 : above + 1, depth});
  return std::nullopt;
}

// Opens again a folder whose descriptor was closed: above `child`, a folder in it that is open, if
// that is so, else by its path. False, with errno.
bool FolderWalk::reopen(Folder* folder, int child) {
  const bool from_child = child >= 0;
  Descriptor again(from_child ? Descriptor(::openat(child, "..", kFolderFlags))
                              : open_far(std::string_view(path_).substr(0, folder->path_size)));
  struct stat info = {};
  if (!again.valid() || ::fstat(again.get(), &info) != 0) return false;
  if (info.st_dev != folder->info.st_dev || info.st_ino != folder->info.st_ino) {
    errno = ESTALE;  // another has its name by now
    return false;
  }
  folder->descriptor = std::move(again);
  return true;
}

bool FolderWalk::is_excluded(std::string_view relative, std::string_view name,
                             bool is_folder) const {
  using Verdict = IgnorePatterns::Verdict;
  const bool by_default = is_excluded_by_default(name);
  Verdict verdict = excluded_.match(relative, is_folder, by_default);
  for (auto each = ignored_.rbegin(); verdict == Verdict::kNone && each != ignored_.rend();
       ++each) {
    verdict = each->patterns.match(relative.substr(each->path_at), is_folder, by_default);
  }
  return verdict == Verdict::kNone ? by_default : verdict == Verdict::kExcluded;
}

std::string_view FolderWalk::relative() const {
  if (path_.size() == root_.size()) return {};
  const bool has_slash = root_.empty() || root_.back() == '/';
  return std::string_view(path_).substr(root_.size() + (has_slash ? 0 : 1));
}

void FolderWalk::append(std::string_view name) {
  if (!path_.empty() && path_.back() != '/') path_ += '/';
  path_ += name;
}

void FolderWalk::fill(WalkEntry::Kind kind, WalkEntry* entry) const {
  const std::string_view below = relative();
  entry->kind = kind;
  entry->path.assign(path_);
  entry->relative.assign(below);
  entry->name.assign(below.substr(below.rfind('/') + 1));
  entry->found = false;
  entry->stat_errno = 0;
  entry->info = {};
  entry->mount_point = false;
  entry->complete = true;
  entry->error.reset();
}

void FolderWalk::fail(Error error, WalkEntry* entry) const {
  fill(WalkEntry::Kind::kError, entry);
  entry->error = std::move(error);
}

}  // namespace clip
