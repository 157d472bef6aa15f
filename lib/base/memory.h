// How much memory this process may use.
#pragma once

#include <cstdint>
#include <string>

namespace clip {

// The least, in bytes, of what the system has available, the limits of the process's control group
// and of all groups above it (docker --memory, systemd's MemoryMax), and the limit of its address
// space (ulimit -v). `root`: the folder in which proc and sys are looked for; for tests.
std::uint64_t usable_memory(const std::string& root = "");

}  // namespace clip
