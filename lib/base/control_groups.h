// The control groups that a process is in, of both versions of Linux's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clip {

struct ControlGroup {
  std::string folder;
  bool unified;  // version 2
};

// The groups that limit something of a controller ("cpu", "memory"): the process's own and all
// above it, as far as they can be seen. A container may see its group's path as it is outside; then
// the root of what it sees counts, which is its own. `root`: the folder in which proc is looked
// for, and in front of what it says; for tests.
std::vector<ControlGroup> control_groups(std::string_view controller, const std::string& root = "");

}  // namespace clip
