// What all fuzz targets share. A target is a file in targets/ that defines read_input(); what is
// around it, driver.cpp, calls that for each input of libFuzzer and holds the rules: an input is
// accepted, or refused with a clip::Error, and takes no more memory than its size and a bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace clip_fuzz {

// Defined by each target: reads bytes as the program reads them. Throws clip::Error where it
// refuses them, and nothing else.
void read_input(std::string_view input);

// Ends the program, with the message, unless it holds: what must be true of any input.
void require(bool holds, const char* what);

// The parts between NULs, `count` of them: the last one has the rest, and missing ones are empty.
std::vector<std::string_view> parts_of(std::string_view input, std::size_t count);

// A file in memory, for what opens files by their path.
class MemoryFile {
 public:
  MemoryFile();

  const std::string& path() const { return path_; }
  void write(std::string_view bytes) const;  // in place of what was in it

 private:
  clip::Descriptor descriptor_;
  std::string path_;
};

}  // namespace clip_fuzz
