// What the kernel says of control groups and memory, between NULs: proc/self/cgroup, mountinfo,
// a group's cpu.max and memory.max, proc/meminfo.
#include "base/cpu.h"
#include "base/memory.h"
#include "fuzz.h"
#include "support.h"

void clip_fuzz::read_input(std::string_view input) {
  static const clip_test::TemporaryFolder root;
  const auto parts = parts_of(input, 5);
  root.write("proc/self/cgroup", parts[0]);
  root.write("proc/self/mountinfo", parts[1]);
  root.write("g/cpu.max", parts[2]);
  root.write("g/memory.max", parts[3]);
  root.write("proc/meminfo", parts[4]);
  require(clip::usable_processors(root.path()) >= 1, "there is a processor");
  clip::usable_memory(root.path());
}
