#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/control_groups.h"

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

std::uint64_t group_limits(const std::string& root) {
  std::uint64_t limit = kNoLimit;
  for (const ControlGroup& group : control_groups("memory", root)) {
    const char* file = group.unified ? "/memory.max" : "/memory.limit_in_bytes";
    limit = std::min(limit, number_in(group.folder + file));
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
