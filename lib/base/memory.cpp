#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

namespace clip {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// A file of one number. Version 2 of the control groups writes "max" where there is none, version 1
// a number beyond all memory.
std::uint64_t number_in(const std::string& path) {
  std::uint64_t number = 0;
  return std::ifstream(path) >> number ? number : kNoLimit;
}

std::uint64_t available(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  std::uint64_t total = kNoLimit;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t kibibytes = 0;
    if (!(words >> name >> kibibytes)) continue;
    if (name == "MemAvailable:") return 1024 * kibibytes;
    if (name == "MemTotal:") total = 1024 * kibibytes;
  }
  if (total != kNoLimit) return total;
  const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);  // NOLINT: its type
  return pages > 0 && page > 0
             ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page)
             : kNoLimit;
}

// The least limit of a group and of those above it. A container may see its group's path as it is
// outside; then only the root of what it sees counts, which is its own.
std::uint64_t group_limit(const std::string& mount, std::string group, const char* file) {
  std::uint64_t limit = kNoLimit;
  for (;;) {
    while (!group.empty() && group.back() == '/') group.pop_back();
    limit = std::min(limit, number_in(mount + group + "/" + file));
    if (group.empty()) return limit;
    group.erase(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

// Lines are ID:CONTROLLERS:PATH; version 2 has no controllers.
std::uint64_t group_limits(const std::string& root) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::uint64_t limit = kNoLimit;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      limit = std::min(limit, group_limit(root + "/sys/fs/cgroup", group, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      limit = std::min(limit,
                       group_limit(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

std::uint64_t address_space() {
  rlimit limit = {};
  const bool known = ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
  return known ? static_cast<std::uint64_t>(limit.rlim_cur) : kNoLimit;
}

}  // namespace

std::uint64_t usable_memory(const std::string& root) {
  return std::min({available(root), group_limits(root), address_space()});
}

}  // namespace clip
