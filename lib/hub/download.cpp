#include "hub/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "clip/error.h"

namespace clip {
namespace {

// The file that a download grows in, and the digest of what it holds.
class PartFile {
 public:
  explicit PartFile(const std::string& path) : path_(path) {
    for (;;) {
      file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
      if (!file_.valid()) throw file_error("write", path, errno);
      if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
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
    hash_.add(data, count);
    if (!write_all(file_.get(), data, count)) throw file_error("write", path_, errno);
    size_ += count;
  }

  void restart() {
    if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
      throw file_error("write", path_, errno);
    }
    size_ = 0;
    hash_.restart();
  }

  // The digest of everything; nothing can be appended afterwards but after restart().
  std::string sha256() { return hash_.finish(); }

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
      hash_.add(buffer.data(), static_cast<std::size_t>(count));
      size_ += static_cast<std::uint64_t>(count);
    }
  }

  const std::string path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
  Sha256 hash_;
};

// One transfer, as far as it comes.
struct Transfer {
  PartFile* part;
  const DownloadOptions* options;
  CURL* curl;
  std::uint64_t asked_from = 0;  // the offset of the first byte that was asked for
  bool begun = false;            // a byte has come
  bool stopped = false;          // by the progress callback
  std::optional<Error> error;    // of ours, which must not be thrown through curl
};

long response_code(CURL* curl) {
  long code = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
  return code;
}

std::size_t take_bytes(char* data, std::size_t, std::size_t count, void* context) {
  auto* transfer = static_cast<Transfer*>(context);
  try {
    // A server that takes no notice of ranges sends everything once more.
    if (!transfer->begun && transfer->asked_from > 0 && response_code(transfer->curl) == 200) {
      transfer->part->restart();
    }
    transfer->begun = true;
    if (transfer->part->size() + count > transfer->options->max_bytes) {
      transfer->part->restart();
      throw Error(ErrorCode::kLimit, "the server sends more than the file can have");
    }
    transfer->part->append(data, count);
    return count;
  } catch (const Error& error) {
    transfer->error = error;
    return 0;
  }
}

int show_progress(void* context, curl_off_t total, curl_off_t, curl_off_t, curl_off_t) {
  auto* transfer = static_cast<Transfer*>(context);
  if (!transfer->options->progress) return 0;
  DownloadProgress progress;
  progress.done = transfer->part->size();
  if (total > 0) {
    const bool from_the_start = response_code(transfer->curl) == 200;
    progress.total =
        static_cast<std::uint64_t>(total) + (from_the_start ? 0 : transfer->asked_from);
  }
  transfer->stopped = !transfer->options->progress(progress);
  return transfer->stopped ? 1 : 0;
}

// The variables that the curl program reads, and the library leaves to programs.
void use_certificates(CURL* curl) {
  for (const char* variable : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* file = std::getenv(variable);
    if (file != nullptr && *file != '\0') {
      curl_easy_setopt(curl, CURLOPT_CAINFO, file);
      break;
    }
  }
  const char* folder = std::getenv("SSL_CERT_DIR");
  if (folder != nullptr && *folder != '\0') curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
}

struct Outcome {
  CURLcode code;
  long response;
  std::string message;
};

Outcome run(const std::string& url, Transfer* transfer) {
  const std::unique_ptr<CURL, void (*)(CURL*)> owner(curl_easy_init(), &curl_easy_cleanup);
  CURL* curl = owner.get();
  if (curl == nullptr) throw Error(ErrorCode::kInternal, "curl cannot be started");
  transfer->curl = curl;
  transfer->begun = false;
  transfer->asked_from = transfer->part->size();
  char message[CURL_ERROR_SIZE] = "";
  const std::string range = fmt::format("{}-", transfer->asked_from);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
  // By name since 7.85, and by bits before.
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
                   long{CURLPROTO_HTTP | CURLPROTO_HTTPS | CURLPROTO_FILE});
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS, long{CURLPROTO_HTTP | CURLPROTO_HTTPS});
#endif
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "clip-cli");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, long{transfer->options->stall_seconds});
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
  // Not CURLOPT_RESUME_FROM, which takes a whole answer for an error.
  if (transfer->asked_from > 0) curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  use_certificates(curl);
  const CURLcode code = curl_easy_perform(curl);
  return {code, response_code(curl), *message != '\0' ? message : curl_easy_strerror(code)};
}

bool may_be_better_next_time(const Outcome& outcome) {
  switch (outcome.code) {
    case CURLE_HTTP_RETURNED_ERROR:
      return outcome.response >= 500 || outcome.response == 408 || outcome.response == 429;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

// What a range behind the end of the file is answered with: there is no more than what has come.
bool is_behind_the_end(const Outcome& outcome, const std::string& url) {
  return (outcome.code == CURLE_HTTP_RETURNED_ERROR && outcome.response == 416) ||
         (url.rfind("file:", 0) == 0 &&
          (outcome.code == CURLE_BAD_DOWNLOAD_RESUME || outcome.code == CURLE_RANGE_ERROR));
}

// Gets all bytes that the server has into the part file.
void fetch(const std::string& url, PartFile* part, const DownloadOptions& options) {
  std::uint64_t max = part->size();
  for (int in_vain = 0;;) {
    Transfer transfer{part, &options, nullptr, 0, false, false, std::nullopt};
    const Outcome outcome = run(url, &transfer);
    if (transfer.error) throw *transfer.error;
    if (outcome.code == CURLE_OK) return;
    if (transfer.asked_from > 0 && is_behind_the_end(outcome, url)) return;
    if (transfer.stopped) {
      throw Error(
          ErrorCode::kCancelled,
          fmt::format("stopped after {} bytes; the same command goes on from there", part->size()));
    }
    // Bytes that have been there before, as from a server that always begins anew, are no progress.
    in_vain = part->size() > max ? 1 : in_vain + 1;
    max = std::max(max, part->size());
    if (!may_be_better_next_time(outcome)) {
      throw Error(ErrorCode::kIo, fmt::format("cannot get {}: {}", url, outcome.message));
    }
    if (in_vain >= options.attempts) {
      throw Error(
          ErrorCode::kIo,
          fmt::format("cannot get {}: {}, {} times; {} bytes have come, and the same command goes "
                      "on from there",
                      url, outcome.message, in_vain, part->size()));
    }
    if (options.trying_again) options.trying_again(outcome.message);
    std::this_thread::sleep_for(std::chrono::milliseconds(250) * (1 << in_vain));
  }
}

}  // namespace

void download(const std::string& url, const std::string& path, const std::string& sha256,
              const DownloadOptions& options) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (started != CURLE_OK) throw Error(ErrorCode::kInternal, "curl cannot be started");
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw Error(ErrorCode::kIo,
                fmt::format("cannot make the folder {}: {}", folder.string(), error.message()));
  }
  PartFile part(path + ".part");
  bool resumed = part.size() > 0;
  fetch(url, &part, options);
  std::string digest = part.sha256();
  if (digest != sha256 && resumed) {
    // What was there may have been of another file, or have rotted.
    if (options.trying_again) options.trying_again("what had come before does not fit");
    part.restart();
    fetch(url, &part, options);
    digest = part.sha256();
  }
  if (digest != sha256) {
    const std::uint64_t size = part.size();
    part.restart();
    std::filesystem::remove(path + ".part", error);
    throw Error(
        ErrorCode::kCorrupt,
        fmt::format(
            "{} gave another file: {} bytes whose SHA-256 is {}, expected {}; it was thrown away",
            url, size, digest, sha256));
  }
  part.rename_to(path);
}

}  // namespace clip
