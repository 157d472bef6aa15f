#include "hub/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "clip/error.h"
#include "hub/http.h"

namespace clip {
namespace {

// The file that a download grows in, and the digest of what it holds.
class PartFile {
 public:
  PartFile(const std::string& path, BlobDigest digest) : path_(path), digest_(std::move(digest)) {
    for (;;) {
      file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
      if (!file_.valid()) throw file_error("write", path, errno);
      if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) throw file_error("lock", path, errno);
        throw Error(ErrorCode::kIo,
                    fmt::format("another process is downloading to {}; wait for it", path));
      }
      // The other process may have renamed the file between our open and our lock.
      struct stat ours = {}, named = {};
      if (::fstat(file_.get(), &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
          ours.st_ino == named.st_ino && ours.st_dev == named.st_dev) {
        break;
      }
    }
    read_present();
  }

  std::uint64_t size() const { return size_; }

  void append(const char* data, std::size_t count) {
    digest_.add(data, count);
    if (!write_all(file_.get(), data, count)) throw file_error("write", path_, errno);
    size_ += count;
  }

  void restart() {
    if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
      throw file_error("write", path_, errno);
    }
    size_ = 0;
    digest_.restart();
  }

  // The digest of everything; nothing can be appended afterwards but after restart().
  std::string digest() { return digest_.finish(); }

  void rename_to(const std::string& path) {
    if (::fsync(file_.get()) != 0) throw file_error("write", path_, errno);
    if (std::rename(path_.c_str(), path.c_str()) != 0) throw file_error("write", path, errno);
  }

 private:
  void read_present() {
    std::vector<char> buffer(1 << 20);
    for (;;) {
      const ssize_t count = read_some(file_.get(), buffer.data(), buffer.size());
      if (count < 0) throw file_error("read", path_, errno);
      if (count == 0) return;
      digest_.add(buffer.data(), static_cast<std::size_t>(count));
      size_ += static_cast<std::uint64_t>(count);
    }
  }

  const std::string path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  BlobDigest digest_;
};

// Waits, and goes on asking the progress callback. False where that ends the download.
bool wait_for(std::chrono::milliseconds duration, const std::function<bool()>& goes_on) {
  constexpr std::chrono::milliseconds kStep(100);
  for (; duration.count() > 0; duration -= kStep) {
    if (!goes_on()) return false;
    std::this_thread::sleep_for(std::min(duration, kStep));
  }
  return true;
}

// Gets all bytes that the server has into the part file.
void fetch(const std::string& url, PartFile* part, const DownloadOptions& options) {
  std::uint64_t max = part->size();
  DownloadProgress shown;
  const auto goes_on = [&] { return !options.progress || options.progress(shown); };
  for (int in_vain = 0;;) {
    HttpRequest request;
    request.url = url;
    request.token = options.token;
    request.stall_seconds = options.stall_seconds;
    request.first_byte = part->size();
    bool begun = false;
    request.body = [&](const char* data, std::size_t count, long status) {
      // A server that takes no notice of ranges sends everything once more.
      if (!begun && request.first_byte > 0 && status == 200) part->restart();
      begun = true;
      if (part->size() + count > options.max_bytes) {
        part->restart();
        throw Error(ErrorCode::kLimit,
                    fmt::format("{} sends more than the file can have: more than {} bytes", url,
                                options.max_bytes));
      }
      part->append(data, count);
    };
    request.progress = [&](std::uint64_t size, long status) {
      shown.done = part->size();
      shown.total = size == 0 ? 0 : size + (status == 200 ? 0 : request.first_byte);
      return goes_on();
    };
    const HttpAnswer answer = http(request);
    if (answer.complete || answer.behind_the_end) return;
    const auto stop = [&] {
      throw Error(
          ErrorCode::kCancelled,
          fmt::format("stopped after {} bytes; the same command goes on from there", part->size()));
    };
    if (answer.stopped) stop();
    // Bytes that have been there before, as from a server that always begins anew, are no progress.
    in_vain = part->size() > max ? 1 : in_vain + 1;
    max = std::max(max, part->size());
    if (!answer.transient) {
      throw Error(ErrorCode::kIo, fmt::format("cannot get {}: {}", url, answer.message));
    }
    if (in_vain >= options.attempts) {
      const std::string have =
          part->size() == 0
              ? ""
              : fmt::format("; {} bytes have come, and the same command goes on from there",
                            part->size());
      throw Error(ErrorCode::kIo,
                  fmt::format("cannot get {}: {}, {} times{}", url, answer.message, in_vain, have));
    }
    if (!wait_before_retry(url, answer, in_vain, options, goes_on)) stop();
  }
}

}  // namespace

bool wait_before_retry(const std::string& url, const HttpAnswer& answer, int in_vain,
                       const DownloadOptions& options, const std::function<bool()>& goes_on) {
  const int seconds = answer.retry_after.value_or(0);
  if (seconds > options.max_wait_seconds) {
    throw Error(ErrorCode::kLimit,
                fmt::format("cannot get {}: {}; the server asks to come again in {} seconds", url,
                            answer.message, seconds));
  }
  if (options.trying_again) options.trying_again(answer.message);
  return wait_for(std::max<std::chrono::milliseconds>(
                      std::chrono::milliseconds(250) * (1 << std::min(in_vain, 6)),
                      std::chrono::seconds(seconds)),
                  goes_on);
}

void download(const std::string& url, const std::string& path, const ExpectedFile& expected,
              const DownloadOptions& options) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw Error(ErrorCode::kIo,
                fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  }
  const std::string part_path = options.part.empty() ? path + ".part" : options.part;
  PartFile part(part_path, BlobDigest(expected.kind, expected.size));
  const bool resumed = part.size() > 0;
  fetch(url, &part, options);
  std::string digest = part.digest();
  const auto is_right = [&] {
    return digest == expected.digest && (expected.size == 0 || part.size() == expected.size);
  };
  if (!is_right() && resumed) {
    // What was there may have been of another file, or have rotted.
    if (options.trying_again) options.trying_again("what had come before does not fit");
    part.restart();
    fetch(url, &part, options);
    digest = part.digest();
  }
  if (!is_right()) {
    const std::uint64_t size = part.size();
    part.restart();
    std::filesystem::remove(part_path, error);
    throw Error(
        ErrorCode::kCorrupt,
        fmt::format(
            "{} gave another file: {} bytes whose {} is {}, expected {}{}; it was thrown away", url,
            size, name_of(expected.kind), digest, expected.digest,
            expected.size == 0 ? "" : fmt::format(" of {} bytes", expected.size)));
  }
  part.rename_to(path);
}

void download(const std::string& url, const std::string& path, const std::string& sha256,
              const DownloadOptions& options) {
  download(url, path, ExpectedFile{DigestKind::kSha256, sha256, 0}, options);
}

}  // namespace clip
