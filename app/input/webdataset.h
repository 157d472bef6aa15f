// Webdatasets that models are measured on: archives of samples, and beside them, as CLIP_benchmark
// keeps them, the names of the classes and templates:
//
//   DIR/classnames.txt                            a name a line, in the order of the classes
//   DIR/zeroshot_classification_templates.txt     a template a line, where {c} stands for the class
//   DIR/test/nshards.txt                          how many archives there are
//   DIR/test/0.tar, DIR/test/1.tar, ...
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clip/image_source.h"
#include "input/class_folders.h"

namespace clip_cli {

struct Webdataset {
  std::string archives;    // a path, with a list in braces where they are several
  std::string class_file;  // classnames.txt; empty where there is none
  std::string templates_file;
};

// `data`: such a folder, whose part `split` is taken, or archives; then the files lie in their
// folder or in the one above. Nothing for a folder of another kind, and
// for what is not there. Throws clip::Error for an
// nshards.txt that holds no number.
std::optional<Webdataset> find_webdataset(const std::string& data, const std::string& split);

// The classes of a file of names; each one's folder is its number. Throws clip::Error where there
// are none.
std::vector<ClassFolder> parse_class_names(std::string_view text, const std::string& source);

// Templates of CLIP_benchmark's files, with {} for {c}. Throws clip::Error naming the line for one
// without.
std::vector<std::string> parse_wds_templates(std::string_view text, const std::string& source);

// Sets the source's tag to the number of its class, which its sample's .cls holds; or its error,
// where that is missing, or is no number of a class.
void tag_class(std::size_t classes, clip::ImageSource* source);

// The captions of a sample: the lines of its .txt that are not empty.
std::vector<std::string> captions_of(const clip::ImageSource& source);

}  // namespace clip_cli
