#include "writers/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "terminal/early_exit.h"

namespace clip_cli {
namespace {

clip::Error cannot_write(const std::string& name, int error) {
  return clip::file_error("write", name, error);
}

// What the name leads to, so that a link is not replaced by a file; the name itself where nothing
// is there yet.
std::string followed(const std::string& path) {
  const std::string real = clip::real_path(path);
  return real.empty() ? path : real;
}

// The permissions that a new file gets, where it replaces none.
mode_t new_permissions() {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

void Output::Close::operator()(std::FILE* file) const {
  if (file != stdout) std::fclose(file);
}

Output Output::standard() {
  return Output(stdout, "standard output", "", "");
}

Output Output::replacing(const std::string& path) {
  struct stat info = {};
  const bool is_there = ::stat(path.c_str(), &info) == 0;
  if (!is_there && clip::is_fault(errno)) throw cannot_write(path, errno);
  if (is_there && !S_ISREG(info.st_mode)) {
    std::FILE* file = std::fopen(path.c_str(), "we");
    if (file == nullptr) throw cannot_write(path, errno);
    return Output(file, path, "", "");
  }
  const std::string target = followed(path);
  if (is_there && ::access(target.c_str(), W_OK) != 0) {
    throw cannot_write(path, errno);  // renaming would get around a file that is write-protected
  }
  std::string temporary = target + ".part-XXXXXX";
  clip::Descriptor descriptor(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!descriptor.valid()) throw cannot_write(path, errno);
  std::FILE* file = nullptr;
  const mode_t mode = is_there ? info.st_mode & 07777 : new_permissions();
  if (::fchmod(descriptor.get(), mode) != 0 ||
      (file = ::fdopen(descriptor.get(), "w")) == nullptr) {
    const int error = errno;
    ::unlink(temporary.c_str());
    throw cannot_write(path, error);
  }
  descriptor.release();
  remove_on_early_exit(temporary);
  return Output(file, path, temporary, target);
}

Output Output::appending(int descriptor, const std::string& path) {
  clip::Descriptor owned(descriptor);
  std::FILE* file = ::fdopen(descriptor, "a");
  if (file == nullptr) throw cannot_write(path, errno);
  owned.release();
  return Output(file, path, "", "");
}

Output::~Output() {
  if (file_ == nullptr || temporary_.empty()) return;
  ::unlink(temporary_.c_str());
  forget_on_early_exit(temporary_);
}

void Output::fail() const {
  if (errno == EPIPE) throw std::system_error(errno, std::generic_category());
  throw cannot_write(name_, errno);
}

void Output::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) fail();
}

void Output::flush() {
  if (std::fflush(file_.get()) != 0) fail();
}

void Output::commit() {
  flush();
  if (file_.get() == stdout) return;
  // Pipes and devices cannot be synchronised, and need not be.
  if (::fsync(::fileno(file_.get())) != 0 && errno != EINVAL && errno != EROFS) fail();
  if (!temporary_.empty()) {
    if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail();
    forget_on_early_exit(temporary_);
    temporary_.clear();
  }
}

std::string Output::commit_interrupted() {
  // Parts of shards are begun anew, whatever is in them.
  if (temporary_.empty() || !clip::exists(target_) || clip::extension_of(target_) == "part") {
    commit();
    return "";
  }
  const std::string kept = target_ + "~";
  ::unlink(kept.c_str());
  // At no time is there no file of that name, but where the file system has no links.
  if (::link(target_.c_str(), kept.c_str()) != 0 &&
      std::rename(target_.c_str(), kept.c_str()) != 0) {
    fail();
  }
  commit();
  return kept;
}

bool Output::is_terminal() const {
  return ::isatty(::fileno(file_.get())) == 1;
}

}  // namespace clip_cli
