// How many processors this process may use.
#pragma once

namespace clip {

// The smaller of the scheduler's affinity mask (taskset, cpusets) and the control group's quota
// (docker --cpus), rounded up; at least 1.
int usable_processors();

}  // namespace clip
