#include "checkpoint/recorded_digests.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr std::size_t kDigits = 64;
constexpr std::uint64_t kMaxList = 16 << 20;  // bytes

constexpr const char* kListsOfOne[] = {".sha256", ".sha256sum"};
constexpr const char* kListsOfSeveral[] = {"SHA256SUMS", "SHA256SUMS.txt", "sha256sums.txt",
                                           "sha256sum.txt"};

// The digest in lower case, or empty for what is none.
std::string digest_of(std::string_view text) {
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f') || ('A' <= c && c <= 'F');
  });
  return digits && text.size() == kDigits ? lower_ascii(text) : "";
}

std::string unescaped(std::string_view name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '\\' || i + 1 == name.size()) {
      text += name[i];
      continue;
    }
    const char next = name[++i];
    text += next == 'n' ? '\n' : next == 'r' ? '\r' : next;
  }
  return text;
}

// False for a line that names no SHA-256.
bool read_line(std::string_view line, RecordedDigest* found) {
  const bool escaped = starts_with(line, "\\");
  if (escaped) line.remove_prefix(1);
  constexpr std::string_view kTag = "SHA256 (", kEnd = ") = ";
  std::string_view name;
  if (starts_with(line, kTag)) {
    const std::size_t end = line.rfind(kEnd);
    if (end == std::string_view::npos || end < kTag.size()) return false;
    name = line.substr(kTag.size(), end - kTag.size());
    found->sha256 = digest_of(line.substr(end + kEnd.size()));
  } else {
    if (line.size() < kDigits + 3 || line[kDigits] != ' ') return false;
    if (line[kDigits + 1] != ' ' && line[kDigits + 1] != '*') return false;
    name = line.substr(kDigits + 2);
    found->sha256 = digest_of(line.substr(0, kDigits));
  }
  found->file = escaped ? unescaped(name) : std::string(name);
  return !found->sha256.empty() && !found->file.empty();
}

std::string_view without_dot(std::string_view name) {
  while (starts_with(name, "./")) name.remove_prefix(2);
  return name;
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

const char* const kDigestList = kListsOfSeveral[0];

std::vector<RecordedDigest> read_digest_list(const std::string& list) {
  ReadOptions options;
  options.only_regular = true;
  options.max_bytes = kMaxList;
  const std::string text = read_file(list, options);
  std::vector<RecordedDigest> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    if (ends_with(line, "\r")) line.remove_suffix(1);
    at = end + 1;
    RecordedDigest recorded;
    recorded.list = list;
    if (read_line(line, &recorded)) found.push_back(std::move(recorded));
  }
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  const std::string alone = digest_of(text.substr(0, end == std::string::npos ? 0 : end + 1));
  if (!alone.empty()) found.push_back({"", alone, list});
  return found;
}

std::vector<RecordedDigest> recorded_digests(const std::string& path) {
  const std::string name(base_name(path));
  std::vector<RecordedDigest> found;
  for (const char* ending : kListsOfOne) {
    const std::string list = path + ending;
    if (!exists(list)) continue;
    const std::size_t before = found.size();
    for (RecordedDigest& recorded : read_digest_list(list)) {
      // Where the file lay when its digest was taken is no matter.
      if (recorded.file.empty() || base_name(recorded.file) == name) {
        found.push_back(std::move(recorded));
      }
    }
    if (found.size() == before) {
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("{} has no line \"SHA-256  {}\", as sha256sum writes it", list, name));
    }
  }
  for (const char* each : kListsOfSeveral) {
    const std::string list = joined_path(folder_of(path), each);
    if (!exists(list)) continue;
    for (RecordedDigest& recorded : read_digest_list(list)) {
      if (without_dot(recorded.file) == name) found.push_back(std::move(recorded));
    }
  }
  return found;
}

std::vector<std::string> recorded_names(const std::string& folder) {
  std::vector<std::string> names;
  for (const char* each : kListsOfSeveral) {
    const std::string list = joined_path(folder, each);
    if (!exists(list)) continue;
    for (const RecordedDigest& recorded : read_digest_list(list)) {
      const std::string_view name = without_dot(recorded.file);
      if (!name.empty() && name.find('/') == std::string_view::npos) names.emplace_back(name);
    }
  }
  return names;
}

std::string digest_line(std::string_view sha256, std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n' || c == '\r') {
      escaped += c == '\n' ? "\\n" : "\\r";
    } else {
      escaped += c;
    }
  }
  return fmt::format("{}{}  {}\n", escaped.size() == name.size() ? "" : "\\", sha256, escaped);
}

}  // namespace clip
