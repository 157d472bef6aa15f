#include "input/class_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "pipeline/folder_walk.h"

namespace clip_cli {
namespace {

void check_distinct(const std::vector<ClassFolder>& classes) {
  std::unordered_map<std::string, std::string> folders;
  for (const ClassFolder& each : classes) {
    const auto [place, is_new] = folders.emplace(each.label, each.folder);
    if (is_new) continue;
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("the folders {} and {} have the same label, '{}', so no image can be told to "
                    "be of one of them",
                    place->second, each.folder, each.label),
        clip::Hint::kNameLabels);
  }
}

}  // namespace

std::vector<ClassFolder> read_class_folders(const std::string& path,
                                            const std::vector<std::string>& exclude) {
  std::vector<ClassFolder> classes;
  clip::WalkOptions options;
  options.exclude = exclude;
  options.max_depth = 1;
  clip::FolderWalk walk(path, options);
  for (clip::WalkEntry entry; walk.next(&entry);) {
    if (entry.kind == clip::WalkEntry::Kind::kError) throw clip::Error(*entry.error);
    // It may be a class.
    if (entry.kind == clip::WalkEntry::Kind::kFile && clip::is_fault(entry.stat_errno)) {
      throw clip::file_error("read", entry.path, entry.stat_errno);
    }
    const bool is_folder = entry.kind == clip::WalkEntry::Kind::kFolder;
    if (is_folder && !entry.relative.empty()) classes.push_back({entry.name, entry.name});
  }
  if (classes.empty()) {
    throw clip::Error(
        clip::ErrorCode::kNotFound,
        fmt::format(
            "{} has no folders in it; the images of each class belong into a folder of its own",
            path));
  }
  for (ClassFolder& each : classes) std::replace(each.label.begin(), each.label.end(), '_', ' ');
  return classes;
}

std::vector<std::string> name_classes(std::string_view mapping, const std::string& source,
                                      std::vector<ClassFolder>* classes) {
  std::unordered_map<std::string, std::string> labels;
  std::vector<std::string> others;
  const auto fail = [&](std::size_t number, const std::string& why) {
    return clip::Error(clip::ErrorCode::kCorrupt,
                       fmt::format("{}, line {}: {}", source, number, why));
  };
  clip::Lines lines(mapping);
  for (std::string_view line; lines.next(&line);) {
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos || tab == 0 || tab + 1 == line.size()) {
      throw fail(lines.number(), "expected folder<TAB>label");
    }
    if (!labels.emplace(line.substr(0, tab), line.substr(tab + 1)).second) {
      throw fail(lines.number(),
                 fmt::format("the folder {} has been there before", line.substr(0, tab)));
    }
  }
  for (ClassFolder& each : *classes) {
    const auto found = labels.find(each.folder);
    if (found == labels.end()) {
      throw clip::Error(clip::ErrorCode::kInvalidArgument,
                        fmt::format("{} has no label for the folder {}", source, each.folder));
    }
    each.label = found->second;
    labels.erase(found);
  }
  check_distinct(*classes);
  for (const auto& [folder, label] : labels) others.push_back(folder);
  std::sort(others.begin(), others.end());
  return others;
}

std::string class_path(const std::string& data_set, const ClassFolder& of_class) {
  return clip::joined_path(data_set, of_class.folder);
}

clip::ImagePathsOptions class_walk(const std::string& path, std::vector<std::string> exclude,
                                   const clip::CancelToken* stop) {
  clip::ImagePathsOptions options;
  options.exclude = std::move(exclude);
  options.root = path;
  options.stop = stop;
  return options;
}

ClassImages::ClassImages(std::string path, const std::vector<ClassFolder>& classes,
                         clip::ImagePathsOptions walk)
    : path_(std::move(path)),
      classes_(classes),
      paths_(
          [this](std::string* next) {
            if (entered_ == classes_.size()) return false;
            *next = class_path(path_, classes_[entered_++]);
            return true;
          },
          std::move(walk)) {
  check_distinct(classes);
}

bool ClassImages::next(clip::ImageSource* source) {
  if (!paths_.next(source)) return false;
  source->tag = entered_ - 1;
  return true;
}

}  // namespace clip_cli
