// BMP: Microsoft's BITMAPFILEHEADER and BITMAPINFOHEADER, and the older BITMAPCOREHEADER.
#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "base/byte_reader.h"
#include "image/formats/formats.h"
#include "image/formats/opencv_decode.h"

namespace clip {
namespace {

constexpr std::uint32_t kCoreHeader = 12, kUncompressed = 0, kBitFields = 3;

// Pillow opens a palette that is a gray ramp as gray, and one of black and white as bilevel.
PixelMode palette_mode(const ByteReader& reader, std::uint64_t palette, std::uint32_t colors,
                       std::uint32_t entry_size) {
  for (std::uint32_t i = 0; i < colors; ++i) {
    const std::uint32_t level = colors == 2 ? 255 * i : i;
    const std::uint64_t entry = palette + std::uint64_t{i} * entry_size;
    if (reader.u8(entry) != level || reader.u8(entry + 1) != level ||
        reader.u8(entry + 2) != level) {
      return PixelMode::kPalette;
    }
  }
  return colors == 2 ? PixelMode::kBilevel : PixelMode::kGray;
}

struct Facts {
  ImageHeader header;
  PixelMode mode;
};

Facts facts_of(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  ImageHeader header;
  PixelMode mode = PixelMode::kRgb;
  const std::uint64_t data = reader.u32(10);
  const std::uint32_t info = reader.u32(14);
  std::uint32_t depth = 0, compression = kUncompressed, colors = 0;
  if (info == kCoreHeader) {
    header.width = reader.u16(18);
    header.height = reader.u16(20);
    depth = reader.u16(24);
  } else if (info >= 40) {
    header.width = reader.u32(18);
    // A negative height says that the first row is the upper one.
    header.height = static_cast<std::uint64_t>(
        std::llabs(static_cast<std::int64_t>(static_cast<std::int32_t>(reader.u32(22)))));
    depth = reader.u16(28);
    compression = reader.u32(30);
    colors = reader.u32(46);
  } else {
    throw Error(ErrorCode::kCorrupt, "it is damaged: its header is of no known kind");
  }
  if (depth <= 8) {
    if (colors == 0 || colors > 256) colors = 1U << depth;
    mode = palette_mode(reader, 14 + std::uint64_t{info}, colors, info == kCoreHeader ? 3 : 4);
  } else if (depth == 32 && compression == kBitFields && info >= 56 && reader.u32(66) != 0) {
    mode = PixelMode::kRgba;
  }
  if (compression == kUncompressed || compression == kBitFields) {
    const std::uint64_t row = (header.width * depth + 31) / 32 * 4;  // rows end at 4 bytes
    if (row != 0 && header.height > bytes.size() / row)
      throw Error(ErrorCode::kCorrupt, "it is cut short");
    reader.view(data, row * header.height);
  }
  return {header, mode};
}

bool matches(std::string_view bytes) {
  // Two letters begin many a text; a bitmap goes on with the size of one of the known headers.
  const ByteReader reader(bytes, /*big_endian=*/false);
  if (!reader.starts_with(0, "BM") || !reader.holds(14, 4)) return false;
  constexpr std::uint32_t kHeaders[] = {12, 16, 40, 52, 56, 64, 108, 124};
  return std::find(std::begin(kHeaders), std::end(kHeaders), reader.u32(14)) != std::end(kHeaders);
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&, PixelBuffer*) {
  return decode_by_opencv(bytes, facts_of(bytes).mode, "BMP");
}

}  // namespace

const ImageFormat kBmpFormat = {"BMP", "bmp dib", matches, read_header, decode};

}  // namespace clip
