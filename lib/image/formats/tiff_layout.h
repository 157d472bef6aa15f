// What the first directory of a TIFF says of its image, checked: TIFF 6.0, its Technical Notes, and
// BigTIFF.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/byte_reader.h"

namespace clip {

// What the samples of a pixel mean, as far as Pillow can open them.
enum class TiffColor {
  kGray,
  kGrayAlpha,
  kPalette,
  kPaletteAlpha,
  kRgb,
  kRgba,
  kCmyk,
  kLab,
  kYcbcr
};

// The values of a field, which lie in the file.
class TiffField {
 public:
  TiffField() = default;
  TiffField(const ByteReader& reader, std::uint64_t values, std::uint64_t count, int size)
      : reader_(reader), values_(values), count_(count), size_(size) {}

  std::uint64_t count() const { return count_; }
  std::uint64_t operator[](std::uint64_t index) const;

 private:
  ByteReader reader_{std::string_view()};
  std::uint64_t values_ = 0, count_ = 0;
  int size_ = 0;
};

struct TiffLayout {
  bool big_endian = false;
  std::uint64_t width = 0, height = 0;
  int orientation = 1;
  std::uint64_t compression = 1;
  TiffColor color = TiffColor::kGray;
  bool white_is_zero = false;                     // of kGray
  bool premultiplied = false;                     // of kRgba
  bool reversed_bits = false;                     // within each byte, FillOrder 2
  bool planar = false;                            // each sample of a pixel in a part of its own
  std::uint32_t bits = 1;                         // a sample: 1, 2, 4, 8, 12 or 16
  std::uint32_t samples = 1;                      // a pixel
  bool tiled = false;                             // or in strips
  std::uint64_t part_width = 0, part_height = 0;  // of a tile or strip
  TiffField part_offsets;
  TiffField color_map;  // of palettes: 2^bits of red, then of green, then of blue

  std::uint64_t parts_across() const { return (width - 1) / part_width + 1; }
  std::uint64_t parts_down() const { return (height - 1) / part_height + 1; }
  std::uint32_t planes() const { return planar ? samples : 1; }
  // Of a row of a part, in one plane.
  std::uint64_t row_bytes() const { return (part_width * bits * (planar ? 1 : samples) + 7) / 8; }
};

constexpr std::uint64_t kTiffNoCompression = 1, kTiffOldJpeg = 6, kTiffJpeg = 7;

// Throws Error (kCorrupt) when it is cut short or contradicts itself, (kUnsupported) for a kind
// that Pillow cannot open either. The fields read from `bytes`.
TiffLayout tiff_layout(std::string_view bytes);

}  // namespace clip
