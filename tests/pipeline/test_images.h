// Image files of one gray, which tests can tell apart after decoding.
#pragma once

#include <string>

namespace clip_test {

// A PGM file, `side` pixels wide and high, of one shade from 0 to 255.
inline std::string gray_image(int shade, int side = 8) {
  const std::string size = std::to_string(side);
  return "P5\n" + size + " " + size + "\n255\n" +
         std::string(static_cast<std::size_t>(side) * static_cast<std::size_t>(side),
                     static_cast<char>(shade));
}

}  // namespace clip_test
