// A folder of class folders, as data sets come: the images in each are of the class that it is
// named after.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clip/image_paths.h"
#include "clip/image_source.h"
#include "zero_shot/label_set.h"

namespace clip_cli {

struct ClassFolder {
  std::string folder;  // its name in the data set
  std::string label;
};

// The folders in `path`, sorted by name, without those that `exclude`, its .clipignore or default
// excludes leave out (pipeline/folder_walk.h). Labels are the names, with blanks for underscores.
// Throws clip::Error where there are none, or where two have the same label.
std::vector<ClassFolder> read_class_folders(const std::string& path,
                                            const std::vector<std::string>& exclude = {});

// Gives them the labels of `mapping`, lines folder<TAB>label, read from `source`. Gives the names
// of folders in it that the data set does not have. Throws clip::Error naming the line for what is
// no such line, and the folder for one without a label.
std::vector<std::string> name_classes(std::string_view mapping, const std::string& source,
                                      std::vector<ClassFolder>* classes);

// The folder of a class.
std::string class_path(const std::string& data_set, const ClassFolder& of_class);

// How the images below `path` are found. Patterns are relative to it, not to the class folders.
clip::ImagePathsOptions class_walk(const std::string& path, std::vector<std::string> exclude,
                                   const clip::CancelToken* stop);

// The images of all classes, tagged with the place of their class. `walk`: of class_walk().
class ClassImages {
 public:
  ClassImages(std::string path, const std::vector<ClassFolder>& classes,
              clip::ImagePathsOptions walk = {});
  ClassImages(const ClassImages&) = delete;
  ClassImages& operator=(const ClassImages&) = delete;

  bool next(clip::ImageSource* source);

  // Files that were left out so far. Not while a thread is in next().
  const clip::LeftOut& left_out() const { return paths_.left_out(); }

 private:
  const std::string path_;
  const std::vector<ClassFolder>& classes_;
  std::size_t entered_ = 0;  // classes whose folder has been named
  clip::ImagePaths paths_;
};

}  // namespace clip_cli
