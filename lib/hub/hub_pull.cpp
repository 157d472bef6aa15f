#include "hub/hub_pull.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "checkpoint/model_files.h"
#include "clip/error.h"
#include "hub/blob_digest.h"
#include "hub/http.h"

namespace clip {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHub = "https://huggingface.co";
constexpr std::uint64_t kMaxFileBytes = 200ull << 30;
constexpr std::uint64_t kMaxJsonBytes = 64ull << 20;
constexpr std::size_t kCommitDigits = 40;

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

bool is_commit(const std::string& text) {
  return text.size() == kCommitDigits && digest_kind_of(text).has_value();
}

// ETag: "x", or W/"x".
std::string plain_etag(std::string_view etag) {
  if (starts_with(etag, "W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw Error(ErrorCode::kIo,
                fmt::format("cannot make the folder {}: {}", path.string(), error.message()));
  }
}

// Held as Python's filelock holds it: flock on a file that may be deleted when it is released.
class FileLock {
 public:
  FileLock(const std::string& path, const std::function<bool()>& goes_on,
           const std::function<void()>& waiting) {
    constexpr std::chrono::milliseconds kPause(100);
    make_folders(fs::path(path).parent_path());
    for (bool told = false;;) {
      file_ = Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0664));
      if (!file_.valid()) throw file_error("write", path, errno);
      if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) {
        struct stat ours = {}, named = {};
        if (::fstat(file_.get(), &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
            ours.st_ino == named.st_ino && ours.st_dev == named.st_dev) {
          return;
        }
        continue;  // it was deleted between our open and our lock
      }
      if (errno != EWOULDBLOCK && errno != EINTR) throw file_error("lock", path, errno);
      if (!told) waiting();
      told = true;
      if (!goes_on()) {
        throw Error(ErrorCode::kCancelled, "stopped while another process was downloading");
      }
      std::this_thread::sleep_for(kPause);
    }
  }

 private:
  Descriptor file_;
};

// What the hub says of a file.
struct RemoteFile {
  std::string name, url;
  std::string etag;
  DigestKind kind = DigestKind::kSha256;
  std::uint64_t size = 0;
};

class Pull {
 public:
  Pull(const HubCache& cache, std::string repository, std::string revision,
       const HubPullOptions& options)
      : repository_(std::move(repository)),
        revision_(std::move(revision)),
        options_(options),
        folder_(cache.repository_folder(repository_)),
        locks_(cache.folder() + "/.locks/" + fs::path(folder_).filename().string()) {
    if (!starts_with(options_.endpoint, "http://") && !starts_with(options_.endpoint, "https://")) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the hub's address {} is neither http nor https", options_.endpoint));
    }
  }

  PulledModel run() {
    const bool timm = starts_with(lower_ascii(repository_), "timm/");
    for (const std::string& name : config_files()) {
      if (timm && name != "open_clip_config.json") continue;  // of an image tower alone
      if (const auto file = find(name)) get(*file, kMaxJsonBytes);
    }
    get_weights();
    write_ref();
    PulledModel model;
    model.folder = snapshot();
    model.commit = commit_;
    model.files = files_;
    model.fetched = fetched_;
    return model;
  }

 private:
  std::string snapshot() const { return folder_ + "/snapshots/" + commit_; }

  // All files are of one commit: that which the revision had when it was first asked for.
  std::string address(const std::string& name) const {
    return fmt::format("{}/{}/resolve/{}/{}", options_.endpoint, repository_,
                       percent_encoded(commit_.empty() ? revision_ : commit_),
                       percent_encoded(name));
  }

  bool goes_on(const std::string& name) const {
    return !options_.progress || options_.progress(name, DownloadProgress());
  }

  void tell(const std::string& text) const {
    if (options_.notice) options_.notice(text);
  }

  HttpAnswer ask(const std::string& name, const std::string& url) const {
    for (int in_vain = 1;; ++in_vain) {
      HttpRequest request;
      request.url = url;
      request.head = true;
      request.token = options_.token;
      request.stall_seconds = options_.download.stall_seconds;
      request.progress = [&](std::uint64_t, long) { return goes_on(name); };
      // Large files are elsewhere, and what the hub says of them is in the redirect.
      request.stop_at = [](const auto& headers) { return headers.count("x-linked-etag") > 0; };
      HttpAnswer answer = http(request);
      if (answer.stopped) throw Error(ErrorCode::kCancelled, "stopped before anything came");
      if (answer.complete || !answer.transient) return answer;
      if (in_vain >= options_.download.attempts) {
        throw Error(ErrorCode::kIo,
                    fmt::format("cannot reach {}: {}, {} times", url, answer.message, in_vain));
      }
      if (!wait_before_retry(url, answer, in_vain, options_.download,
                             [&] { return goes_on(name); })) {
        throw Error(ErrorCode::kCancelled, "stopped before anything came");
      }
    }
  }

  [[noreturn]] void refuse(const HttpAnswer& answer, const std::string& url) const {
    const std::string code = answer.header("x-error-code");
    const std::string page = options_.endpoint + "/" + repository_;
    if (answer.status == 403 || code == "GatedRepo") {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} asks for its licence to be accepted: accept it at {}, and give a "
                              "token of that account in HF_TOKEN{}",
                              repository_, page,
                              options_.token.empty() ? "" : " (the one in use has no access)"));
    }
    if (answer.status == 401) {
      throw Error(
          ErrorCode::kInvalidArgument,
          options_.token.empty()
              ? fmt::format("there is no repository {}, or it is private: a private one needs a "
                            "token in HF_TOKEN, made at {}/settings/tokens",
                            page, options_.endpoint)
              : fmt::format("the token in use is not accepted for {}: make another one at "
                            "{}/settings/tokens, or unset HF_TOKEN",
                            page, options_.endpoint));
    }
    if (code == "RevisionNotFound") {
      throw Error(ErrorCode::kNotFound, fmt::format("{} has no revision {}", page, revision_));
    }
    if (answer.status == 404) {
      throw Error(ErrorCode::kNotFound, fmt::format("there is no repository {}", page));
    }
    throw Error(ErrorCode::kIo, fmt::format("cannot get {}: {}", url, answer.message));
  }

  // Nothing where the repository has no such file.
  std::optional<RemoteFile> find(const std::string& name) {
    RemoteFile file;
    file.name = name;
    file.url = address(name);
    const HttpAnswer answer = ask(name, file.url);
    const std::string commit = answer.header("x-repo-commit");
    if (is_commit(commit) && commit_.empty()) commit_ = commit;
    if (!answer.complete) {
      const std::string code = answer.header("x-error-code");
      const bool known = !commit_.empty() && code != "RepoNotFound" && code != "RevisionNotFound";
      if (answer.status != 404 || (code != "EntryNotFound" && !known)) refuse(answer, file.url);
      if (!commit_.empty()) mark_missing(name);
      return std::nullopt;
    }
    if (commit_.empty() || (is_commit(commit) && commit != commit_)) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{} is no address of a hub: it names {} (X-Repo-Commit)", file.url,
                              commit_.empty() ? "no commit" : "another commit"));
    }
    const std::string linked = answer.header("x-linked-etag");
    file.etag = plain_etag(linked.empty() ? answer.header("etag") : linked);
    const auto kind = digest_kind_of(file.etag);
    if (!kind) {
      throw Error(ErrorCode::kCorrupt,
                  fmt::format("{} names no digest of its contents (X-Linked-Etag or ETag), so that "
                              "they could not be checked",
                              file.url));
    }
    file.kind = *kind;
    const std::string linked_size = answer.header("x-linked-size");
    const std::string size = linked_size.empty() ? answer.header("content-length") : linked_size;
    const auto parsed = std::from_chars(size.data(), size.data() + size.size(), file.size);
    if (parsed.ec != std::errc() || parsed.ptr != size.data() + size.size()) {
      throw Error(ErrorCode::kCorrupt, fmt::format("{} names no size of its contents", file.url));
    }
    return file;
  }

  void get_weights() {
    const std::vector<WeightFile> all = weight_files_of(repository_);
    for (const WeightFile& weights : all) {
      if (const auto file = find(weights.name)) {
        get(*file, kMaxFileBytes);
        return;
      }
      if (weights.index == nullptr) continue;
      const auto index = find(weights.index);
      if (!index) continue;
      get(*index, kMaxJsonBytes);
      const std::string path = snapshot() + "/" + weights.index;
      for (const auto& [shard, tensors] : shards_of(read_file(path), weights.index)) {
        const auto file = find(shard);
        if (!file) {
          throw Error(ErrorCode::kNotFound, fmt::format("{} names {}, which {} does not have",
                                                        weights.index, shard, repository_));
        }
        get(*file, kMaxFileBytes);
      }
      return;
    }
    std::string names;
    for (const WeightFile& file : all) names += fmt::format(", {}", file.name);
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}/{} has none of the weight files that are read here: {}",
                            options_.endpoint, repository_, names.substr(2)));
  }

  // Python keeps note of files that are asked for and missing, and so do we.
  void mark_missing(const std::string& name) const {
    const std::string path = folder_ + "/.no_exist/" + commit_ + "/" + name;
    make_folders(fs::path(path).parent_path());
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
    if (!file.valid()) throw file_error("write", path, errno);
  }

  static bool is_right(const std::string& path, const RemoteFile& file) {
    std::error_code error;
    if (!is_regular_file(path) || fs::file_size(path, error) != file.size || error) return false;
    try {
      verify_blob(path, file.etag);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  // In the end the snapshot has the file.
  void get(const RemoteFile& file, std::uint64_t max_bytes) {
    if (file.size > max_bytes || file.size == 0) {
      throw Error(ErrorCode::kLimit,
                  fmt::format("{} has {} bytes, expected at least 1 and at most {}", file.url,
                              file.size, max_bytes));
    }
    files_.push_back(file.name);
    const std::string blob = folder_ + "/blobs/" + file.etag;
    const std::string place = snapshot() + "/" + file.name;
    make_folders(folder_ + "/blobs");
    make_folders(snapshot());
    const FileLock lock(
        locks_ + "/" + file.etag + ".lock", [&] { return goes_on(file.name); },
        [&] { tell(fmt::format("another process is downloading {}; waiting for it", file.name)); });
    const bool linked = blob_name(place) == file.etag;
    if (!linked && is_right(place, file)) return;  // without links
    bool new_blob = false;
    if (!is_right(blob, file)) {
      if (exists(blob)) tell(fmt::format("{} is damaged and is replaced", blob));
      fetch(file, blob);
      new_blob = fetched_ = true;
    }
    if (!linked) put_in_snapshot(file, blob, place, new_blob);
  }

  void fetch(const RemoteFile& file, const std::string& blob) const {
    DownloadOptions options = options_.download;
    options.token = options_.token;
    options.part = blob + ".incomplete";
    options.max_bytes = file.size;
    options.progress = [&](const DownloadProgress& progress) {
      DownloadProgress known = progress;
      known.total = file.size;
      return !options_.progress || options_.progress(file.name, known);
    };
    download(file.url, blob, ExpectedFile{file.kind, file.etag, file.size}, options);
  }

  // A link to the blob, or where there are no links the file itself, each under its name at once.
  void put_in_snapshot(const RemoteFile& file, const std::string& blob, const std::string& place,
                       bool new_blob) const {
    const std::string temporary = fmt::format("{}.{}.tmp", place, ::getpid());
    std::remove(temporary.c_str());
    const std::string target = "../../blobs/" + file.etag;
    if (options_.symlinks && ::symlink(target.c_str(), temporary.c_str()) == 0) {
      put(temporary, place);
      return;
    }
    const int error = errno;
    const bool no_links = !options_.symlinks || error == EPERM || error == EOPNOTSUPP ||
                          error == ENOSYS || error == EINVAL;
    if (!no_links) throw file_error("write", place, error);
    if (new_blob) {
      rename(blob, place);
      return;
    }
    // The blob may be another snapshot's too.
    std::error_code failure;
    fs::copy_file(blob, temporary, fs::copy_options::overwrite_existing, failure);
    if (failure) {
      std::remove(temporary.c_str());
      throw Error(ErrorCode::kIo, fmt::format("cannot write {}: {}", place, failure.message()));
    }
    put(temporary, place);
  }

  static void rename(const std::string& from, const std::string& to) {
    if (std::rename(from.c_str(), to.c_str()) != 0) throw file_error("write", to, errno);
  }

  // The same for what is of no use under its own name.
  static void put(const std::string& temporary, const std::string& to) {
    try {
      rename(temporary, to);
    } catch (const Error&) {
      std::remove(temporary.c_str());
      throw;
    }
  }

  void write_ref() const {
    if (revision_ == commit_) return;
    const std::string path = folder_ + "/refs/" + revision_;
    make_folders(fs::path(path).parent_path());
    const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
    {
      const Descriptor file(
          ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
      if (!file.valid() || !write_all(file.get(), commit_.data(), commit_.size()) ||
          ::fsync(file.get()) != 0) {
        const int error = errno;
        std::remove(temporary.c_str());
        throw file_error("write", path, error);
      }
    }
    put(temporary, path);
  }

  const std::string repository_, revision_;
  const HubPullOptions& options_;
  const std::string folder_, locks_;
  std::string commit_;
  std::vector<std::string> files_;
  bool fetched_ = false;
};

}  // namespace

std::string hub_endpoint() {
  const char* variable = std::getenv("HF_ENDPOINT");
  std::string endpoint = variable != nullptr && *variable != '\0' ? variable : kHub;
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
  return endpoint;
}

bool hub_uses_symlinks() {
  const char* variable = std::getenv("HF_HUB_DISABLE_SYMLINKS");
  const std::string value = lower_ascii(variable == nullptr ? "" : variable);
  return value != "1" && value != "on" && value != "yes" && value != "true";
}

PulledModel pull_model(const HubCache& cache, const std::string& repository,
                       const std::string& revision, const HubPullOptions& options) {
  if (hub_is_offline()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} is not fetched: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, "
                            "which forbids to go out",
                            repository));
  }
  return Pull(cache, repository, revision, options).run();
}

}  // namespace clip
