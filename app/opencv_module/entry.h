// The one symbol that the module shows to the program. Both are built together, so that plain C++
// types pass between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clip_cli {

struct ConfusionMatrix {
  std::vector<std::string> labels;    // n
  std::vector<std::uint64_t> images;  // [n], of each class
  std::vector<std::uint64_t> counts;  // [n, n]: those of the row's class predicted as the column's
};

struct DrawnImage {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;  // [height, width, 3], RGB
};

constexpr const char* kDrawConfusion = "clip_draw_confusion";
using DrawConfusion = void (*)(const ConfusionMatrix& matrix, DrawnImage* image);

}  // namespace clip_cli
