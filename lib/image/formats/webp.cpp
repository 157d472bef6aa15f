// WebP: RFC 9649, and for the sizes RFC 6386 (lossy).
#include "base/byte_reader.h"
#include "image/exif.h"
#include "image/formats/formats.h"
#include "image/formats/opencv_decode.h"

namespace clip {
namespace {

struct Facts {
  ImageHeader header;
  PixelMode mode;
};

Facts facts_of(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  ImageHeader header;
  PixelMode mode = PixelMode::kRgb;
  const std::uint64_t end = 8 + std::uint64_t{reader.u32(4)};
  if (end > bytes.size()) throw Error(ErrorCode::kCorrupt, "it is cut short");
  bool data = false;
  for (std::uint64_t at = 12; at + 8 <= end;) {
    const std::string_view type = reader.view(at, 4);
    const std::uint64_t length = reader.u32(at + 4);
    const std::uint64_t content = at + 8;
    reader.view(content, length);
    if (type == "VP8X") {
      constexpr std::uint32_t kAlpha = 0x10, kAnimation = 0x02;
      const std::uint32_t flags = reader.u8(content);
      if ((flags & kAnimation) != 0) {
        throw Error(ErrorCode::kUnsupported,
                    "it is an animation, which is not supported; extract a frame");
      }
      header.width = (reader.u32(content + 4) & 0xffffff) + 1;
      header.height = (reader.u32(content + 6) >> 8) + 1;
      if ((flags & kAlpha) != 0) mode = PixelMode::kRgba;
    } else if (type == "VP8 ") {
      data = true;
      if (header.width == 0) {
        header.width = reader.u16(content + 6) & 0x3fff;
        header.height = reader.u16(content + 8) & 0x3fff;
      }
    } else if (type == "VP8L") {
      data = true;
      const std::uint32_t packed = reader.u32(content + 1);
      if (header.width == 0) {
        header.width = (packed & 0x3fff) + 1;
        header.height = (packed >> 14 & 0x3fff) + 1;
        if ((packed >> 28 & 1) != 0) mode = PixelMode::kRgba;
      }
    } else if (type == "EXIF") {
      header.orientation = exif_orientation(reader.view(content, length));
    }
    at = content + length + length % 2;
  }
  if (!data) throw Error(ErrorCode::kCorrupt, "it is damaged: it holds no image data");
  return {header, mode};
}

bool matches(std::string_view bytes) {
  const ByteReader reader(bytes);
  return reader.starts_with(0, "RIFF") && reader.starts_with(8, "WEBP");
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&, PixelBuffer*) {
  return decode_by_opencv(bytes, facts_of(bytes).mode, "WebP");
}

}  // namespace

const ImageFormat kWebpFormat = {"WebP", "webp", matches, read_header, decode};

}  // namespace clip
