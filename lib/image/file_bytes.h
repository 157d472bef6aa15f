// A whole file in memory.
#pragma once

#include <string>

namespace clip {

// Throws Error for a file that is missing, unreadable, a folder, empty, or larger than 4 GiB: no
// picture is.
std::string read_file(const std::string& path);

}  // namespace clip
