#include "image/ycbcr.h"

#include <algorithm>
#include <array>

namespace clip {
namespace {

constexpr int kShift = 6;

using Table = std::array<int, 256>;

// What a chroma adds to a colour, in 1/64. Cut, not rounded, below zero, as Pillow's tables are.
Table make_table(double factor) {
  Table table{};
  for (int i = 0; i < 256; ++i) {
    table[static_cast<std::size_t>(i)] = static_cast<int>(factor * (i - 128) * (1 << kShift) + 0.5);
  }
  return table;
}

std::uint8_t clip8(int value) {
  return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

}  // namespace

void ycbcr_to_rgb(std::uint8_t* pixels, std::size_t count, std::size_t channels) {
  static const Table red = make_table(1.402), blue = make_table(1.772);
  static const Table green_of_blue = make_table(-0.34414), green_of_red = make_table(-0.71414);
  for (std::size_t i = 0; i < count; ++i, pixels += channels) {
    const int y = pixels[0];
    const std::uint8_t cb = pixels[1], cr = pixels[2];
    pixels[0] = clip8(y + (red[cr] >> kShift));
    pixels[1] = clip8(y + ((green_of_blue[cb] + green_of_red[cr]) >> kShift));
    pixels[2] = clip8(y + (blue[cb] >> kShift));
  }
}

}  // namespace clip
