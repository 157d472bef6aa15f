#include "base/cpu.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>

namespace clip {
namespace {

int affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(CPU_COUNT(&set), 1) : 1;
}

// Processors granted by a control group: version 2 writes "QUOTA PERIOD" or "max PERIOD" into one
// file, version 1 each number into its own with -1 for no limit.
double quota() {
  constexpr double kNoLimit = std::numeric_limits<double>::infinity();
  double granted = 0, period = 0;
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file) {
    std::string first;
    if (!(file >> first >> period) || first == "max") return kNoLimit;
    granted = std::atof(first.c_str());
  } else {
    std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> granted;
    std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  }
  return granted > 0 && period > 0 ? granted / period : kNoLimit;
}

}  // namespace

int usable_processors() {
  return static_cast<int>(std::ceil(std::min<double>(affinity(), std::max(quota(), 1.0))));
}

}  // namespace clip
