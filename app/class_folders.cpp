#include "class_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "error.h"

namespace clip_cli {
namespace {

namespace fs = std::filesystem;

void check_distinct(const std::vector<ClassFolder>& classes) {
  std::unordered_map<std::string, std::string> folders;
  for (const ClassFolder& each : classes) {
    const auto [place, is_new] = folders.emplace(each.label, each.folder);
    if (is_new) continue;
    throw clip::Error(
        fmt::format("the folders {} and {} have the same label, '{}', so no picture can be told to "
                    "be of one of them; give them others with --labels-file",
                    place->second, each.folder, each.label));
  }
}

}  // namespace

std::vector<ClassFolder> read_class_folders(const std::string& path) {
  std::vector<ClassFolder> classes;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    const std::string name = entry.path().filename();
    std::error_code ignored;
    if (name[0] != '.' && entry.is_directory(ignored)) classes.push_back({name, name});
  }
  if (error) throw clip::Error(fmt::format("cannot read {}: {}", path, error.message()));
  if (classes.empty()) {
    throw clip::Error(fmt::format(
        "{} has no folders in it; the pictures of each class belong into a folder of its own",
        path));
  }
  for (ClassFolder& each : classes) std::replace(each.label.begin(), each.label.end(), '_', ' ');
  std::sort(classes.begin(), classes.end(),
            [](const ClassFolder& a, const ClassFolder& b) { return a.folder < b.folder; });
  return classes;
}

std::vector<std::string> name_classes(std::string_view mapping, const std::string& source,
                                      std::vector<ClassFolder>* classes) {
  std::unordered_map<std::string, std::string> labels;
  std::vector<std::string> others;
  for (std::size_t number = 1; !mapping.empty(); ++number) {
    const std::size_t end = mapping.find('\n');
    const std::string_view line = mapping.substr(0, end);
    mapping.remove_prefix(end == std::string_view::npos ? mapping.size() : end + 1);
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos || tab == 0 || tab + 1 == line.size()) {
      throw clip::Error(fmt::format("{}, line {}: expected folder<TAB>label", source, number));
    }
    if (!labels.emplace(line.substr(0, tab), line.substr(tab + 1)).second) {
      throw clip::Error(fmt::format("{}, line {}: the folder {} has been there before", source,
                                    number, line.substr(0, tab)));
    }
  }
  for (ClassFolder& each : *classes) {
    const auto found = labels.find(each.folder);
    if (found == labels.end()) {
      throw clip::Error(fmt::format("{} has no label for the folder {}", source, each.folder));
    }
    each.label = found->second;
    labels.erase(found);
  }
  check_distinct(*classes);
  for (const auto& [folder, label] : labels) others.push_back(folder);
  std::sort(others.begin(), others.end());
  return others;
}

ClassPictures::ClassPictures(std::string path, const std::vector<ClassFolder>& classes)
    : path_(std::move(path)), classes_(classes), paths_([this](std::string* next) {
        if (entered_ == classes_.size()) return false;
        *next = fs::path(path_) / classes_[entered_++].folder;
        return true;
      }) {
  check_distinct(classes);
}

bool ClassPictures::tag(clip::PicturePath* picture) const {
  picture->tag = entered_ - 1;
  return true;
}

}  // namespace clip_cli
