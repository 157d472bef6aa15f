// Writes the archives that the tests read: stored records, 64-byte aligned as torch.jit.save's.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace clip_test {

using Records = std::vector<std::pair<std::string, std::string>>;  // name and bytes

std::string zip(const Records& records);

// Writes bytes to a file in the tests' folder for temporary files, and gives its path.
std::string write_file(const std::string& name, const std::string& bytes);

}  // namespace clip_test
