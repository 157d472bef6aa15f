// PNG: W3C Recommendation, third edition. Checks every chunk up to IEND, with its CRC.
#include <zlib.h>

#include "base/byte_reader.h"
#include "image/exif.h"
#include "image/formats/formats.h"
#include "image/formats/opencv_decode.h"

namespace clip {
namespace {

PixelMode mode_of(std::uint32_t depth, std::uint32_t color) {
  switch (color) {
    case 0:
      return depth == 1    ? PixelMode::kBilevel
             : depth == 16 ? PixelMode::kInteger
                           : PixelMode::kGray;
    case 2:
      return PixelMode::kRgb;
    case 3:
      return PixelMode::kPalette;
    case 4:
      return PixelMode::kGrayAlpha;
    case 6:
      return PixelMode::kRgba;
    default:
      throw Error(ErrorCode::kCorrupt, "it is damaged: its colour type is none of PNG's");
  }
}

struct Facts {
  ImageHeader header;
  PixelMode mode;
};

Facts facts_of(std::string_view bytes) {
  const ByteReader reader(bytes);
  ImageHeader header;
  PixelMode mode = PixelMode::kRgb;
  if (!reader.starts_with(12, "IHDR"))
    throw Error(ErrorCode::kCorrupt, "it is damaged: it does not begin with IHDR");
  header.width = reader.u32(16);
  header.height = reader.u32(20);
  mode = mode_of(reader.u8(24), reader.u8(25));
  bool data = false;
  for (std::uint64_t at = 8;;) {
    const std::uint64_t length = reader.u32(at);
    const std::string_view type = reader.view(at + 4, 4);
    const std::string_view content = reader.view(at + 8, length);
    const std::uint32_t crc = reader.u32(at + 8 + length);
    // The CRC covers the type and the content.
    const auto* covered = reinterpret_cast<const Bytef*>(type.data());
    if (crc32_z(0, covered, static_cast<z_size_t>(length + 4)) != crc) {
      // Only what the image needs must be right; text and profiles may be wrong.
      const bool critical = type[0] >= 'A' && type[0] <= 'Z';
      if (critical) {
        throw Error(ErrorCode::kCorrupt,
                    "it is damaged: its chunk " + std::string(type) + " fails its checksum");
      }
    } else if (type == "eXIf") {
      header.orientation = exif_orientation(content);
    }
    data = data || type == "IDAT";
    if (type == "IEND") break;
    at += 12 + length;
  }
  if (!data) throw Error(ErrorCode::kCorrupt, "it is damaged: it holds no image data");
  return {header, mode};
}

bool matches(std::string_view bytes) {
  return ByteReader(bytes).starts_with(0, std::string_view("\x89PNG\r\n\x1a\n", 8));
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

// The chunks that make the pixels. libpng complains on stderr about the rest, colour profiles above
// all, and uses none of it here. The header has been read, so the chunks are known to be whole.
std::string essential_chunks(std::string_view bytes) {
  constexpr std::size_t kSignature = 8, kAround = 12;  // bytes: length, type and CRC
  const ByteReader reader(bytes);
  std::string copy(bytes.substr(0, kSignature));
  for (std::size_t at = kSignature;;) {
    const std::size_t size = kAround + reader.u32(at);
    const std::string_view type = bytes.substr(at + 4, 4);
    if (type == "IHDR" || type == "PLTE" || type == "tRNS" || type == "IDAT" || type == "IEND") {
      copy += bytes.substr(at, size);
    }
    if (type == "IEND") return copy;
    at += size;
  }
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&, PixelBuffer*) {
  return decode_by_opencv(essential_chunks(bytes), facts_of(bytes).mode, "PNG");
}

}  // namespace

const ImageFormat kPngFormat = {"PNG", "png", matches, read_header, decode};

}  // namespace clip
