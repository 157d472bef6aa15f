#include "base/memory.h"

#include <doctest/doctest.h>

#include <string>

#include "support.h"

namespace {

constexpr std::uint64_t kMebibyte = 1 << 20;

// Where Linux mounts control groups, of version 2 and of version 1.
constexpr const char* kUnified = "30 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* kMemory = "34 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

std::string meminfo(std::uint64_t mebibytes) {
  return "MemTotal:       99999999 kB\nMemFree:  1 kB\nMemAvailable: " +
         std::to_string(1024 * mebibytes) + " kB\n";
}

}  // namespace

TEST_CASE("what the system has available") {
  const clip_test::TemporaryFolder root;
  root.write("proc/meminfo", meminfo(3000));
  CHECK(clip::usable_memory(root.path()) == 3000 * kMebibyte);
  root.write("proc/meminfo", "MemTotal:  4096 kB\n");
  CHECK(clip::usable_memory(root.path()) == 4 * kMebibyte);
}

TEST_CASE("limits of control groups of version 2, of any group above") {
  const clip_test::TemporaryFolder root;
  root.write("proc/meminfo", meminfo(3000));
  root.write("proc/self/mountinfo", kUnified);
  root.write("proc/self/cgroup", "0::/user.slice/one.service\n");
  CHECK(clip::usable_memory(root.path()) == 3000 * kMebibyte);
  root.write("sys/fs/cgroup/user.slice/one.service/memory.max", "max\n");
  CHECK(clip::usable_memory(root.path()) == 3000 * kMebibyte);
  root.write("sys/fs/cgroup/user.slice/memory.max", "1048576000\n");
  CHECK(clip::usable_memory(root.path()) == 1000 * kMebibyte);
  root.write("sys/fs/cgroup/user.slice/one.service/memory.max", "104857600\n");
  CHECK(clip::usable_memory(root.path()) == 100 * kMebibyte);
  // A container's own group is the root of what it sees.
  root.write("proc/self/cgroup", "0::/docker/0123\n");
  root.write("sys/fs/cgroup/memory.max", "52428800\n");
  CHECK(clip::usable_memory(root.path()) == 50 * kMebibyte);
}

TEST_CASE("limits of control groups of version 1") {
  const clip_test::TemporaryFolder root;
  root.write("proc/meminfo", meminfo(3000));
  root.write("proc/self/mountinfo", kMemory);
  root.write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a/b\nnonsense\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(clip::usable_memory(root.path()) == 3000 * kMebibyte);
  root.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "104857600\n");
  CHECK(clip::usable_memory(root.path()) == 100 * kMebibyte);
}

TEST_CASE("this machine has memory") {
  CHECK(clip::usable_memory() > kMebibyte);
}
