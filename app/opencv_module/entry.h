// What the module shows to the program: two functions that draw. Both are built together, so that
// plain C++ types pass between them.
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

// An image under a grid of heat, once for each prompt.
struct HeatPanel {
  std::string caption;       // below it; empty: none
  std::vector<double> heat;  // [cells, cells], from 0 to 1
  int max = -1;              // the cell that a ring marks; -1: none
};

struct HeatDrawing {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;                // [height, width, 3], RGB
  double left = 0, top = 0, across = 0, down = 0;  // of the grid, in pixels of the image
  int cells = 0;                                   // a side of the grid
  std::vector<HeatPanel> panels;
  // The image and its one panel stand side by side in the image's size, without margins; else the
  // image comes first, and as many panels as there are stand beside it.
  bool thumbnail = false;
};

constexpr const char* kDrawHeat = "clip_draw_heat";
using DrawHeat = void (*)(const HeatDrawing& drawing, DrawnImage* image);

}  // namespace clip_cli
