#include "model/store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "error.h"
#include "model/mapped_file.h"
#include "model/sha256.h"

namespace clip {
namespace {

// Letters and digits, in lower case.
std::string folded(const std::string& name) {
  std::string folded;
  for (const char c : name) {
    if ('A' <= c && c <= 'Z') {
      folded += static_cast<char>(c - 'A' + 'a');
    } else if (('a' <= c && c <= 'z') || ('0' <= c && c <= '9')) {
      folded += c;
    }
  }
  return folded;
}

std::string without_ending(const std::string& text, const std::string& ending) {
  const bool there = text.size() > ending.size() &&
                     text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
  return there ? text.substr(0, text.size() - ending.size()) : text;
}

// Levenshtein's: how many letters have to be changed, put in or taken out.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

const PublishedModel* find_by_name(const std::string& name) {
  const std::string wanted = without_ending(folded(without_ending(name, ".pt")), "px");
  for (const PublishedModel& model : published_models()) {
    if (wanted == without_ending(folded(model.name), "px")) return &model;
  }
  return nullptr;
}

std::string nearest_name(const std::string& name) {
  const auto& models = published_models();
  return std::min_element(models.begin(), models.end(),
                          [&](const PublishedModel& a, const PublishedModel& b) {
                            return distance(folded(name), folded(a.name)) <
                                   distance(folded(name), folded(b.name));
                          })
      ->name;
}

std::string ModelStore::path(const PublishedModel& model) const {
  return folder_ + "/" + model.file;
}

bool ModelStore::has(const PublishedModel& model) const {
  struct stat info = {};
  return ::stat(path(model).c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

void verify_file(const std::string& path, const std::string& expected) {
  const MappedFile file(path);
  const std::string found = sha256(file.data(), file.size());
  if (found != expected) {
    throw Error(fmt::format("{} is not the published file: its SHA-256 is {}, expected {}", path,
                            found, expected));
  }
}

}  // namespace clip
