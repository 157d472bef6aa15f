#include "hub/hub_cache.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/home_folder.h"
#include "base/mapped_file.h"
#include "base/strings.h"
#include "checkpoint/model_files.h"
#include "clip/error.h"
#include "hub/blob_digest.h"
#include "hub/catalog.h"

namespace clip {
namespace {

constexpr std::uintmax_t kMaxRefBytes = 4096;
constexpr std::uintmax_t kMaxIndexBytes = 64 << 20;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string home_or_here() {
  const std::string home = home_folder();
  return home.empty() ? "." : home;
}

// "~" and "~user" in front, as os.path.expanduser has them.
std::string with_home(const std::string& path) {
  if (path.empty() || path.front() != '~') return path;
  const std::size_t end = std::min(path.find('/'), path.size());
  if (end == 1) return home_or_here() + path.substr(1);
  const passwd* user = ::getpwnam(path.substr(1, end - 1).c_str());
  return user == nullptr || user->pw_dir == nullptr ? path : user->pw_dir + path.substr(end);
}

// $NAME and ${NAME}, as os.path.expandvars has them: unknown ones stay.
std::string with_variables(const std::string& path) {
  const auto is_word = [](char c) {
    return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') || c == '_';
  };
  std::string expanded;
  for (std::size_t at = 0; at < path.size();) {
    std::size_t begin = at + 1, end = begin, next = begin;
    if (path[at] == '$' && begin < path.size() && path[begin] == '{') {
      end = path.find('}', ++begin);
      next = end + 1;
    } else if (path[at] == '$') {
      while (end < path.size() && is_word(path[end])) ++end;
      next = end;
    }
    const char* value = nullptr;
    if (path[at] == '$' && end != std::string::npos && end > begin) {
      value = std::getenv(path.substr(begin, end - begin).c_str());
    }
    if (value != nullptr) {
      expanded += value;
      at = next;
    } else {
      expanded += path[at++];
    }
  }
  return expanded;
}

std::string expanded(const std::string& path) {
  return with_variables(with_home(path));
}

bool is_true(const std::string& value) {
  const std::string lower = lower_ascii(value);
  return lower == "1" || lower == "on" || lower == "yes" || lower == "true";
}

// A small file whole, empty where it cannot be read or is larger than `max_bytes`.
std::string small_file(const std::string& path, std::uintmax_t max_bytes) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error || size == 0 || size > max_bytes) return "";
  try {
    return read_file(path);
  } catch (const Error&) {
    return "";
  }
}

bool is_link(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

}  // namespace

std::string hub_home() {
  std::string home = variable("HF_HOME");
  if (home.empty()) {
    std::string cache = variable("XDG_CACHE_HOME");
    if (cache.empty()) cache = home_or_here() + "/.cache";
    home = joined_path(cache, "huggingface");
  }
  return expanded(home);
}

std::string hub_cache_folder() {
  std::string folder = variable("HF_HUB_CACHE");
  if (folder.empty()) folder = variable("HUGGINGFACE_HUB_CACHE");
  return folder.empty() ? joined_path(hub_home(), "hub") : expanded(folder);
}

bool hub_is_offline() {
  const std::string hub = variable("HF_HUB_OFFLINE");
  return is_true(hub.empty() ? variable("TRANSFORMERS_OFFLINE") : hub);
}

std::string hub_token() {
  std::string token = variable("HF_TOKEN");
  if (token.empty()) token = variable("HUGGING_FACE_HUB_TOKEN");
  if (token.empty()) {
    const std::string path = variable("HF_TOKEN_PATH");
    token = small_file(path.empty() ? joined_path(hub_home(), "token") : expanded(path), 4096);
  }
  // One line: a header is made of it.
  token.erase(
      std::remove_if(token.begin(), token.end(), [](char c) { return c == '\r' || c == '\n'; }),
      token.end());
  return std::string(trimmed(token));
}

std::string HubCache::repository_folder(std::string_view repository) const {
  std::string name = "models--";
  for (const char c : repository) {
    if (c == '/') {
      name += "--";
    } else {
      name += c;
    }
  }
  return joined_path(folder_, name);
}

std::string HubCache::commit_of(std::string_view repository, const std::string& revision) const {
  const std::string ref = joined_path(repository_folder(repository) + "/refs", revision);
  std::string commit = is_regular_file(ref) ? small_file(ref, kMaxRefBytes) : revision;
  // It becomes a part of paths.
  if (commit.find('/') != std::string::npos || commit.find('\0') != std::string::npos ||
      commit == "." || commit == "..") {
    return "";
  }
  return commit;
}

CachedFile HubCache::find_file(std::string_view repository, const std::string& revision,
                               const std::string& name) const {
  const std::string folder = repository_folder(repository);
  const std::string commit = commit_of(repository, revision);
  CachedFile file;
  if (commit.empty()) return file;
  if (is_regular_file(folder + "/.no_exist/" + commit + "/" + name)) {
    file.state = CachedState::kKnownMissing;
    return file;
  }
  const std::string path = folder + "/snapshots/" + commit + "/" + name;
  if (is_regular_file(path)) {
    file.state = CachedState::kHere;
  } else if (is_link(path)) {
    file.state = CachedState::kBroken;
  } else {
    return file;
  }
  file.path = path;
  return file;
}

CachedModel HubCache::find_model(const std::string& repository, const std::string& revision) const {
  CachedModel model;
  model.commit = commit_of(repository, revision);
  if (model.commit.empty()) return model;
  const std::string folder = repository_folder(repository) + "/snapshots/" + model.commit;
  if (!is_folder(folder)) return model;
  model.folder = folder;
  const auto is_here = [&](const std::string& name) {
    return find_file(repository, revision, name).state == CachedState::kHere;
  };
  for (const std::string& name : config_files()) {
    if (is_here(name)) model.configs.push_back(name);
  }

  const std::vector<WeightFile> all = weight_files_of(repository);
  const WeightFile* chosen = nullptr;
  for (const WeightFile& file : all) {
    if (is_here(file.name)) {
      model.weights = {file.name};
    } else if (file.index != nullptr && is_here(file.index)) {
      const std::string path = joined_path(folder, file.index);
      for (const auto& [shard, tensors] : shards_of(small_file(path, kMaxIndexBytes), path)) {
        (is_here(shard) ? model.weights : model.missing).push_back(shard);
      }
    } else {
      continue;
    }
    chosen = &file;
    break;
  }
  if (chosen == nullptr) {
    std::string names;
    for (const WeightFile& file : all) {
      const bool broken = find_file(repository, revision, file.name).state == CachedState::kBroken;
      if (broken) model.missing = {fmt::format("the blob of {}", file.name)};
      names += fmt::format("{}{}", names.empty() ? "" : ", ", file.name);
    }
    if (model.missing.empty()) model.missing = {fmt::format("weights ({})", names)};
  } else if (find_by_repository(repository) == nullptr && !is_here(chosen->config)) {
    model.missing.emplace_back(chosen->config);
  }
  model.state = model.missing.empty() ? CachedModel::State::kWhole : CachedModel::State::kPartial;
  return model;
}

std::string blob_name(const std::string& path) {
  if (!is_link(path)) return "";
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(path, error);
  if (error || target.parent_path().filename() != "blobs") return "";
  return target.filename().string();
}

std::string local_dir_digest(const std::string& path) {
  const std::string name(base_name(path));
  const std::string folder = path.substr(0, path.size() - name.size());
  const std::string text =
      small_file(folder + ".cache/huggingface/download/" + name + ".metadata", kMaxRefBytes);
  // Three lines: the commit, the digest, the time.
  const std::size_t first = text.find('\n');
  if (first == std::string::npos) return "";
  const std::size_t second = text.find('\n', first + 1);
  const std::string digest(trimmed(std::string_view(text).substr(first + 1, second - first - 1)));
  return digest_kind_of(digest) ? digest : "";
}

void verify_blob(const std::string& path, const std::string& name) {
  const std::optional<DigestKind> kind = digest_kind_of(name);
  if (!kind) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{} is named {}, which is neither a SHA-256 nor git's SHA-1", path, name));
  }
  BlobDigest digest(*kind, std::filesystem::file_size(path));
  const MappedFile file(path);
  digest.add(file.bytes().data(), file.bytes().size());
  const std::string found = digest.finish();
  if (found != name) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} is damaged: its {} is {}, expected {}", path,
                                                 name_of(*kind), found, name));
  }
}

}  // namespace clip
