// JPEG: ITU-T T.81. Walks all markers to the end of the image, for libjpeg fills what is missing
// with gray and calls it a warning.
#include "base/byte_reader.h"
#include "image/exif.h"
#include "image/formats/formats.h"
#include "image/formats/opencv_decode.h"
#include "image/jpeg_decode.h"

namespace clip {
namespace {

bool is_frame(std::uint32_t marker) {  // SOF0 to SOF15, but DHT, JPG and DAC
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

bool is_restart(std::uint32_t marker) {
  return marker >= 0xd0 && marker <= 0xd7;
}

// The next marker behind entropy-coded data that begins at `at`: 0xFF, and not a stuffed zero, a
// restart or fill.
std::uint64_t scan_end(std::string_view bytes, std::uint64_t at) {
  for (;;) {
    const std::size_t found = bytes.find('\xff', at);
    if (found == std::string_view::npos || found + 1 >= bytes.size()) {
      throw Error(ErrorCode::kCorrupt, "it is cut short: the image's data do not end");
    }
    const auto next = static_cast<std::uint8_t>(bytes[found + 1]);
    if (next != 0 && next != 0xff && !is_restart(next)) return found;
    at = found + (next == 0xff ? 1 : 2);
  }
}

struct Facts {
  ImageHeader header;
  PixelMode mode;
};

Facts facts_of(std::string_view bytes) {
  constexpr std::uint32_t kEnd = 0xd9, kScan = 0xda, kApp1 = 0xe1;
  const std::string_view exif_prefix("Exif\0\0", 6);
  const ByteReader reader(bytes);
  ImageHeader header;
  PixelMode mode = PixelMode::kRgb;
  constexpr int kMaxScans = 1000;
  bool framed = false, scanned = false, oriented = false;
  int scans = 0;
  for (std::uint64_t at = 2;;) {
    if (!reader.holds(at, 2))
      throw Error(ErrorCode::kCorrupt, "it is cut short: its end marker is missing");
    if (reader.u8(at) != 0xff) {
      ++at;  // stray bytes between segments, as decoders skip them
      continue;
    }
    const std::uint32_t marker = reader.u8(at + 1);
    if (marker == 0xff) {  // fill
      ++at;
      continue;
    }
    at += 2;
    if (marker == kEnd) break;
    if (marker == 0 || marker == 1 || marker == 0xd8 || is_restart(marker)) continue;
    const std::uint32_t length = reader.u16(at);
    if (length < 2) throw Error(ErrorCode::kCorrupt, "it is damaged: a segment has no length");
    const std::string_view segment = reader.view(at, length);
    if (is_frame(marker) && !framed) {
      framed = true;
      header.height = reader.u16(at + 3);
      header.width = reader.u16(at + 5);
      const std::uint32_t components = reader.u8(at + 7);
      mode = components == 1   ? PixelMode::kGray
             : components == 4 ? PixelMode::kBands
                               : PixelMode::kRgb;
    } else if (marker == kApp1 && !oriented && segment.substr(2, 6) == exif_prefix) {
      oriented = true;
      header.orientation = exif_orientation(segment.substr(2));
    }
    at += length;
    if (marker == kScan) {
      if (!framed) throw Error(ErrorCode::kCorrupt, "it is damaged: its data come before its size");
      scanned = true;
      // Progressive images have ten or so; each makes a decoder go over all pixels.
      if (++scans > kMaxScans)
        throw Error(ErrorCode::kCorrupt, "it has more scans than any image needs");
      at = scan_end(bytes, at);
    }
  }
  if (!scanned) throw Error(ErrorCode::kCorrupt, "it is damaged: it holds no image data");
  return {header, mode};
}

bool matches(std::string_view bytes) {
  return ByteReader(bytes).starts_with(0, "\xff\xd8\xff");
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

// By how much a JPEG is to be reduced while it is decoded: 1, 2, 4 or 8.
int reduction(const ImageHeader& header, std::uint64_t min_side_after_scaling) {
  if (min_side_after_scaling == 0) return 1;
  const std::uint64_t shorter = std::min(header.width, header.height);
  int scale = 1;
  while (scale < 8 && shorter / (2 * scale) >= min_side_after_scaling) scale *= 2;
  return scale;
}

Image decode(std::string_view bytes, const ImageHeader& header, const DecodeOptions& options,
             PixelBuffer* buffer) {
  const PixelMode mode = facts_of(bytes).mode;
  if (mode == PixelMode::kBands) return decode_by_opencv(bytes, mode, "JPEG");
  return decode_jpeg(bytes, header, mode, reduction(header, options.min_side_after_scaling),
                     buffer);
}

}  // namespace

const ImageFormat kJpegFormat = {"JPEG", "jpg jpeg jpe jfif", matches, read_header, decode};

}  // namespace clip
