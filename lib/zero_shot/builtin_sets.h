// The label sets and template sets of data/label_sets and data/template_sets, inside the binary.
#pragma once

#include <string>
#include <vector>

#include "clip/zero_shot.h"

namespace clip {

// In alphabetical order.
std::vector<std::string> label_set_names();
std::vector<std::string> template_set_names();

// Throw Error (kNotFound) for an unknown name, naming those that exist.
std::vector<Label> builtin_label_set(const std::string& name);
std::vector<std::string> builtin_template_set(const std::string& name);

}  // namespace clip
