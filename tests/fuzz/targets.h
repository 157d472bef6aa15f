// What is fuzzed: each makes a file or a folder of a mutated input, and opens it as the program
// does.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace clip_fuzz {

struct Target {
  const char* name;
  std::vector<std::string> seeds;  // good inputs
  std::vector<std::string> words;  // that an input may have
  // Opens it; clip::Error is the answer to a bad one. Gives the bytes of the files that were
  // opened.
  std::function<std::size_t(const std::string& input)> open;
};

// `folder`: where files may be written.
std::vector<Target> targets(const std::string& folder);

}  // namespace clip_fuzz
