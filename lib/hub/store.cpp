#include "hub/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

// Letters and digits, in lower case.
std::string folded(std::string_view name) {
  std::string folded = lower_ascii(name);
  folded.erase(
      std::remove_if(folded.begin(), folded.end(),
                     [](char c) { return !(('a' <= c && c <= 'z') || ('0' <= c && c <= '9')); }),
      folded.end());
  return folded;
}

std::string_view without_ending(std::string_view text, std::string_view ending) {
  if (text.size() > ending.size() && ends_with(text, ending)) text.remove_suffix(ending.size());
  return text;
}

}  // namespace

const PublishedModel* find_by_name(const std::string& name) {
  const std::string wanted(without_ending(folded(without_ending(name, ".pt")), "px"));
  for (const PublishedModel& model : published_models()) {
    if (wanted == without_ending(folded(model.name), "px")) return &model;
  }
  return nullptr;
}

std::vector<std::string> published_names() {
  std::vector<std::string> names;
  for (const PublishedModel& model : published_models()) names.emplace_back(model.name);
  return names;
}

std::string ModelStore::path(const PublishedModel& model) const {
  return joined_path(folder_, model.file);
}

bool ModelStore::has(const PublishedModel& model) const {
  return is_regular_file(path(model));
}

void verify_file(const std::string& path, const std::string& expected) {
  const MappedFile file(path);
  const std::string found = sha256(file.bytes());
  if (found != expected) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{} is not the published file: its SHA-256 is {}, expected {}", path,
                            found, expected));
  }
}

}  // namespace clip
