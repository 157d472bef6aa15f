// Device-independent bitmaps: what follows a BMP's file header, and what icons and cursors hold.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "image/formats/format.h"

namespace clip {

struct Dib {
  std::uint64_t width = 0, height = 0;
  bool top_down = false;          // the first row is the upper one
  std::uint32_t bits = 0;         // a pixel: 1, 4, 8, 16, 24 or 32
  std::uint32_t compression = 0;  // BI_RGB 0, BI_RLE8 1, BI_RLE4 2, BI_BITFIELDS 3
  PixelMode mode = PixelMode::kRgb;
  // Of 24 and 32 bits: which byte of a pixel is red, green, blue and, of kRgba, alpha.
  std::array<std::uint8_t, 4> order = {2, 1, 0, 3};
  bool green_has_six_bits = false;  // of 16 bits; else each colour has five
  std::uint64_t pixels = 0;         // where they begin
  // Of 1, 4 and 8 bits: red, green and blue of each index; gray and bilevel ones use the red.
  std::array<std::array<std::uint8_t, 3>, 256> palette;
};

// Where 32-bit pixels without bit fields have alpha: in cursors, not in BMPs.
enum class UnusedByte { kIgnored, kAlpha };

// Whether a header of one of the known sizes begins at `offset`, with numbers that make sense.
bool is_dib(std::string_view bytes, std::uint64_t offset);

// The header at `header` and the palette. `pixels`: where the file says that they are; 0: behind
// the palette. Throws Error, kUnsupported for what Pillow refuses too.
Dib read_dib(std::string_view bytes, std::uint64_t header, std::uint64_t pixels,
             UnusedByte unused = UnusedByte::kIgnored);

// Its pixels. The size must have been checked.
Image decode_dib(std::string_view bytes, const Dib& dib, PixelBuffer* buffer);

}  // namespace clip
