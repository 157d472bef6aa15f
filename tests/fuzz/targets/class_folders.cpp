// The file that names the classes of a data set, lines folder<TAB>label.
#include "input/class_folders.h"

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  std::vector<clip_cli::ClassFolder> classes = {{"n01", "n01"}, {"n02", "n02"}};
  clip_cli::name_classes(input, "input", &classes);
  require(classes[0].label != classes[1].label, "classes have labels of their own");
}
