// How many processors this process may use.
#pragma once

#include <string>

namespace clip {

// The least of the scheduler's affinity mask (taskset, cpusets), of the quotas of the process's
// control groups (docker --cpus, systemd's CPUQuota), rounded up, and of what OMP_NUM_THREADS and
// SLURM_CPUS_PER_TASK say; at least 1. `root`: as control_groups() takes it; for tests.
int usable_processors(const std::string& root = "");

}  // namespace clip
