#include "run/sort_into.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "clip/error.h"

namespace clip_cli {
namespace {

namespace fs = std::filesystem;

// A failed system call, on its way to become a clip::Error that names the files.
std::system_error failed_call() {
  return std::system_error(errno, std::generic_category());
}

bool is_hex(char c) {
  return std::isxdigit(static_cast<unsigned char>(c)) != 0;
}

std::string absolute(const std::string& path) {
  std::string real = clip::real_path(path);
  if (real.empty()) throw failed_call();
  return real;
}

clip::Descriptor opened(int descriptor) {
  if (descriptor < 0) throw failed_call();
  return clip::Descriptor(descriptor);
}

// What a symbolic link holds, or nothing.
std::string link_text(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
}

// The last step of a move. Where it fails, the image stays where it was, and there alone.
void remove_source(const std::string& from, const std::string& to) {
  if (::unlink(from.c_str()) == 0) return;
  const std::system_error error = failed_call();
  ::unlink(to.c_str());
  throw error;
}

// Gives a file its final name unless that is taken: false then.
bool rename_to_free(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST) return false;
  // Some file systems cannot do that in one step; two names for a moment do as well.
  if (errno != EINVAL && errno != ENOSYS) throw failed_call();
  if (::link(from.c_str(), to.c_str()) != 0) {
    if (errno == EEXIST) return false;
    throw failed_call();
  }
  remove_source(from, to);
  return true;
}

void copy_contents(int from, int to) {
  std::vector<char> buffer(1 << 20);
  for (;;) {
    const ssize_t count = clip::read_some(from, buffer.data(), buffer.size());
    if (count == 0) return;
    if (count < 0 || !clip::write_all(to, buffer.data(), static_cast<std::size_t>(count))) {
      throw failed_call();
    }
  }
}

// With its permissions and times, under another name until it is complete; with `durable`, until it
// is on the disk.
bool copy_to_free(const std::string& from, const std::string& to, bool durable) {
  const clip::Descriptor source = opened(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info = {};
  if (::fstat(source.get(), &info) != 0) throw failed_call();
  std::string temporary = fs::path(to).parent_path() / ".part-XXXXXX";
  {
    const clip::Descriptor target = opened(::mkostemp(temporary.data(), O_CLOEXEC));
    try {
      copy_contents(source.get(), target.get());
      const timespec times[2] = {info.st_atim, info.st_mtim};
      if (::fchmod(target.get(), info.st_mode & 0777) != 0 ||
          ::futimens(target.get(), times) != 0 || (durable && ::fsync(target.get()) != 0)) {
        throw failed_call();
      }
      if (rename_to_free(temporary, to)) return true;
    } catch (...) {
      ::unlink(temporary.c_str());
      throw;
    }
  }
  ::unlink(temporary.c_str());
  return false;
}

bool link_to_free(const std::string& target, const std::string& name) {
  if (::symlink(target.c_str(), name.c_str()) == 0) return true;
  if (errno != EEXIST) throw failed_call();
  return link_text(name) == target;
}

bool move_to_free(const std::string& from, const std::string& to) {
  struct stat info = {};
  if (::lstat(from.c_str(), &info) != 0) throw failed_call();
  if (S_ISLNK(info.st_mode)) {
    // A link's text may be relative, and would lead elsewhere from there.
    if (!link_to_free(absolute(from), to)) return false;
  } else {
    try {
      return rename_to_free(from, to);
    } catch (const std::system_error& error) {
      if (error.code().value() != EXDEV) throw;
    }
    // The only copy is not removed before the new one would survive a power cut.
    if (!copy_to_free(from, to, /*durable=*/true)) return false;
  }
  remove_source(from, to);
  return true;
}

}  // namespace

std::string folder_name(const std::string& label) {
  constexpr std::size_t kMax = 200;  // bytes; file systems take 255
  std::string name;
  for (std::size_t i = 0; i < label.size(); ++i) {
    const auto byte = static_cast<unsigned char>(label[i]);
    const bool looks_encoded =
        label[i] == '%' && i + 2 < label.size() && is_hex(label[i + 1]) && is_hex(label[i + 2]);
    if (label[i] == '/' || byte < 0x20 || byte == 0x7f || looks_encoded ||
        (label[i] == '.' && i == 0)) {
      name += fmt::format("%{:02X}", byte);
    } else {
      name += label[i];
    }
  }
  if (name.size() <= kMax) return name;
  std::size_t cut = kMax;
  while ((static_cast<unsigned char>(name[cut]) & 0xc0) == 0x80) --cut;  // not within a character
  // Two that begin alike are told apart by the beginning of their SHA-256.
  return fmt::format("{}~{}", name.substr(0, cut), clip::sha256(name).substr(0, 16));
}

SortInto::SortInto(std::string folder, SortMethod method, bool dry_run)
    : folder_(std::move(folder)), method_(method), dry_run_(dry_run) {
  if (dry_run_) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (!clip::is_folder(folder_)) {
    throw clip::Error(clip::ErrorCode::kIo,
                      fmt::format("cannot make the folder {}: {}", folder_,
                                  error ? error.message() : "there is a file of that name"));
  }
}

SortInto::Outcome SortInto::put(const std::string& image, const std::string& target) {
  bool done = false;
  if (dry_run_) {
    struct stat info = {};
    const bool there = ::lstat(target.c_str(), &info) == 0;
    const bool same = there && method_ == SortMethod::kLink && link_text(target) == absolute(image);
    done = (!there || same) && planned_.insert(target).second;
  } else if (method_ == SortMethod::kLink) {
    done = link_to_free(absolute(image), target);
  } else if (method_ == SortMethod::kCopy) {
    done = copy_to_free(image, target, /*durable=*/false);
  } else {
    done = move_to_free(image, target);
  }
  return done ? Outcome::kDone : Outcome::kTaken;
}

std::string SortInto::file(const std::string& image, const std::string& label) {
  const fs::path folder = fs::path(folder_) / folder_name(label);
  const fs::path name = fs::path(image).filename();
  try {
    if (!dry_run_) fs::create_directories(folder);
    std::uint64_t& number = next_number_[(folder / name).string()];
    for (;; ++number) {
      std::string numbered = name;
      if (number > 0) {
        numbered = fmt::format("{}-{}{}", name.stem().string(), number, name.extension().string());
      }
      const std::string target = folder / numbered;
      if (put(image, target) == Outcome::kDone) {
        ++number;
        return target;
      }
    }
  } catch (const std::system_error& error) {
    throw clip::Error(clip::ErrorCode::kIo, fmt::format("cannot file {} under {}: {}", image,
                                                        folder.string(), error.code().message()));
  }
}

}  // namespace clip_cli
