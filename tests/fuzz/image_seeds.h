// Images that the fuzzing of decoders begins with.
#pragma once

#include <vector>

namespace clip_fuzz {

struct ImageSeed {
  const char* format;  // as the table of formats names it
  const char* digits;  // the file, in hexadecimal digits
};

const std::vector<ImageSeed>& image_seeds();

}  // namespace clip_fuzz
