#include "base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string_view>

#include "base/control_groups.h"

namespace clip {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

double affinity() {
  // A mask of fixed size is refused on machines of more processors than it has bits.
  for (int processors = CPU_SETSIZE; processors <= (1 << 20); processors *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(processors));
    if (set == nullptr) break;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(processors));
    CPU_ZERO_S(size, set);
    const bool known = sched_getaffinity(0, size, set) == 0;
    const int count = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(count, 1);
  }
  return 1;
}

// Version 2 writes "QUOTA PERIOD" or "max PERIOD" into one file, version 1 each number into its
// own, with -1 for no limit.
double quota_of(const ControlGroup& group) {
  double granted = 0, period = 0;
  if (group.unified) {
    std::ifstream(group.folder + "/cpu.max") >> granted >> period;
  } else {
    std::ifstream(group.folder + "/cpu.cfs_quota_us") >> granted;
    std::ifstream(group.folder + "/cpu.cfs_period_us") >> period;
  }
  return granted > 0 && period > 0 ? granted / period : kNoLimit;
}

// A variable that holds a number, or a list of which the first counts, as OpenMP's does.
double variable(const char* name) {
  const char* value = std::getenv(name);
  const std::string_view text = value == nullptr ? "" : value;
  int number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = parsed.ptr == text.data() + text.size() || *parsed.ptr == ',';
  return parsed.ec == std::errc() && whole && number > 0 ? number : kNoLimit;
}

}  // namespace

int usable_processors(const std::string& root) {
  double usable = affinity();
  for (const ControlGroup& group : control_groups("cpu", root)) {
    usable = std::min(usable, std::max(quota_of(group), 1.0));
  }
  for (const char* name : {"OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"}) {
    usable = std::min(usable, variable(name));
  }
  return static_cast<int>(std::ceil(usable));
}

}  // namespace clip
