#include "base/cpu.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <cstdlib>
#include <string>

#include "base/control_groups.h"
#include "support.h"

namespace {

constexpr const char* kUnified = "30 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kCpu =
    "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n";

int processors_of_this_machine() {
  cpu_set_t set;
  CPU_ZERO(&set);
  REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0);
  return CPU_COUNT(&set);
}

// Sets variables for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

}  // namespace

TEST_CASE("without groups it is the affinity of the process") {
  ::unsetenv("OMP_NUM_THREADS");
  ::unsetenv("SLURM_CPUS_PER_TASK");
  const clip_test::TemporaryFolder root;
  CHECK(clip::usable_processors(root.path()) == processors_of_this_machine());
}

TEST_CASE("quotas of version 2 count at any depth of the tree, rounded up") {
  const clip_test::TemporaryFolder root;
  root.write("proc/self/mountinfo", kUnified);
  root.write("proc/self/cgroup", "0::/a/b/c\n");
  root.write("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  CHECK(clip::usable_processors(root.path()) == processors_of_this_machine());
  for (const char* group : {"/a/b/c", "/a/b", "/a", ""}) {
    CAPTURE(group);
    const std::string file = "sys/fs/cgroup" + std::string(group) + "/cpu.max";
    root.write(file, "50000 100000\n");
    CHECK(clip::usable_processors(root.path()) == 1);
    root.write(file, "max 100000\n");
  }
}

TEST_CASE("quotas of version 1, whose controllers share a mount") {
  const clip_test::TemporaryFolder root;
  root.write("proc/self/mountinfo", kCpu);
  root.write("proc/self/cgroup", "3:cpu,cpuacct:/a/b\n0::/\n");
  for (const char* group : {"/a/b", "/a", ""}) {
    CAPTURE(group);
    const std::string folder = "sys/fs/cgroup/cpu,cpuacct" + std::string(group);
    root.write(folder + "/cpu.cfs_period_us", "100000\n");
    root.write(folder + "/cpu.cfs_quota_us", "100000\n");
    CHECK(clip::usable_processors(root.path()) == 1);
    root.write(folder + "/cpu.cfs_quota_us", "-1\n");
    CHECK(clip::usable_processors(root.path()) == processors_of_this_machine());
  }
}

TEST_CASE("a container sees its own group as the root") {
  const clip_test::TemporaryFolder root;
  // Docker on version 1: the group's path is that of outside, and the mount shows it.
  root.write("proc/self/mountinfo",
             "31 30 0:28 /docker/0123 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  root.write("proc/self/cgroup", "1:cpu:/docker/0123/inner\n");
  const auto groups = clip::control_groups("cpu", root.path());
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].folder == root.path() + "/sys/fs/cgroup/cpu/inner");
  CHECK(groups[1].folder == root.path() + "/sys/fs/cgroup/cpu");
  // Another one that lies elsewhere: what can be seen counts.
  root.write("proc/self/cgroup", "1:cpu:/docker/01234\n");
  CHECK(clip::control_groups("cpu", root.path()).size() == 1);
  // A folder with a blank in its name.
  root.write("proc/self/mountinfo", "31 30 0:28 / /my\\040groups rw - cgroup2 none rw\n");
  root.write("proc/self/cgroup", "0::/\n");
  CHECK(clip::control_groups("cpu", root.path()).at(0).folder == root.path() + "/my groups");
  // A backslash that no three octal digits follow stands for itself.
  for (const char* name : {"/a\\0'0b", "/a\\ÿÿÿ", "/a\\08", "/a\\04"}) {
    CAPTURE(name);
    root.write("proc/self/mountinfo",
               "31 30 0:28 / " + std::string(name) + " rw - cgroup2 none rw\n");
    CHECK(clip::control_groups("cpu", root.path()).at(0).folder == root.path() + name);
  }
}

TEST_CASE("variables of OpenMP and Slurm limit it") {
  const clip_test::TemporaryFolder root;
  const int all = processors_of_this_machine();
  for (const char* name : {"OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"}) {
    CAPTURE(name);
    for (const char* value : {"1", "1,2"}) {
      const Variable set(name, value);
      CHECK(clip::usable_processors(root.path()) == 1);
    }
    for (const char* value : {"", "0", "-1", "many", "1x", "99999", "99999999999999999999"}) {
      CAPTURE(value);
      const Variable set(name, value);
      CHECK(clip::usable_processors(root.path()) == all);
    }
  }
}
