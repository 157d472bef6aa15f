#include "base/control_groups.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/strings.h"

namespace clip {
namespace {

struct Mount {
  std::string group, folder;  // which group lies in which folder
};

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// In /proc/self/mountinfo blanks and backslashes are octal: \040.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool names(const std::string& list, std::string_view controller) {
  return ("," + list + ",").find("," + std::string(controller) + ",") != std::string::npos;
}

// proc(5): ID PARENT MAJOR:MINOR ROOT FOLDER OPTIONS FIELD... - TYPE SOURCE OPTIONS
std::vector<Mount> mounts_of(const std::string& root, std::string_view controller, bool unified) {
  std::vector<Mount> mounts;
  std::ifstream file(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word, group, folder, type, options;
    words >> word >> word >> word >> group >> folder;
    while (words >> word && word != "-") {
    }
    if (!(words >> type >> word >> options)) continue;
    const bool fits = unified ? type == "cgroup2" : type == "cgroup" && names(options, controller);
    if (fits) mounts.push_back({unescaped(group), unescaped(folder)});
  }
  return mounts;
}

// The part of a group's path below that of another one; "" where it does not lie below.
std::string below(std::string path, std::string above) {
  while (!above.empty() && above.back() == '/') above.pop_back();
  while (!path.empty() && path.back() == '/') path.pop_back();
  const bool lies =
      starts_with(path, above) && (path.size() == above.size() || path[above.size()] == '/');
  return lies ? path.substr(above.size()) : "";
}

}  // namespace

std::vector<ControlGroup> control_groups(std::string_view controller, const std::string& root) {
  std::vector<ControlGroup> groups;
  // Lines are ID:CONTROLLERS:PATH; version 2 has no controllers.
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && !names(controllers, controller)) continue;
    for (const Mount& mount : mounts_of(root, controller, unified)) {
      std::string group = below(line.substr(second + 1), mount.group);
      for (;;) {
        groups.push_back({root + mount.folder + group, unified});
        if (group.empty()) break;
        group.erase(group.rfind('/'));
      }
    }
  }
  return groups;
}

}  // namespace clip
