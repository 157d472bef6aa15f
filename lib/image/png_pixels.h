// The pixels of a PNG, out of its compressed data: inflating, undoing the filters, interlacing
// (Adam7), and unpacking of every depth into what Pillow makes of it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "clip/image.h"
#include "image/pixel_buffer.h"

namespace clip {

enum class PngColor : std::uint32_t {
  kGray = 0,
  kRgb = 2,
  kPalette = 3,
  kGrayAlpha = 4,
  kRgba = 6,
};

struct PngRegion {
  std::uint64_t left = 0, top = 0, width = 0, height = 0;
};

struct PngLayout {
  std::uint64_t width = 0, height = 0;
  int depth = 0;  // bits a sample
  PngColor color = PngColor::kGray;
  bool interlaced = false;
  // The part that the data are of, where it is not all of the image, as in some APNGs. It lies in
  // the image.
  std::optional<PngRegion> region;
  std::array<std::array<std::uint8_t, 3>, 256> palette = {};
};

// Whether PNG has this depth with this colour.
bool is_valid(const PngLayout& layout);

// What a pixel of the decoded image takes.
std::uint64_t pixel_bytes(const PngLayout& layout);

// The image, in `buffer`. `next_piece` gives the compressed data a piece at a time, and an empty
// one behind the last. Throws Error (kCorrupt) for data that are damaged or end before the pixels
// do; like Pillow's, data that say themselves that they end with a row leave the rest black.
Image decode_png(const PngLayout& layout, const std::function<std::string_view()>& next_piece,
                 PixelBuffer* buffer);

}  // namespace clip
