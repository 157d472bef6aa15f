// PNM: the formats P1 to P6 of Netpbm.
#include <algorithm>

#include "base/byte_reader.h"
#include "image/formats/formats.h"
#include "image/formats/opencv_decode.h"

namespace clip {
namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// The next number behind `*at`, which moves behind it; comments run from "#" to the line's end.
std::uint64_t next_number(std::string_view bytes, std::size_t* at) {
  while (*at < bytes.size() && (is_space(bytes[*at]) || bytes[*at] == '#')) {
    if (bytes[*at] == '#') {
      *at = std::min(bytes.find('\n', *at), bytes.size() - 1);
    }
    ++*at;
  }
  std::uint64_t number = 0;
  const std::size_t first = *at;
  for (; *at < bytes.size() && bytes[*at] >= '0' && bytes[*at] <= '9'; ++*at) {
    number = std::min<std::uint64_t>(number * 10 + std::uint64_t(bytes[*at] - '0'), 1U << 31);
  }
  if (*at == first) {
    throw Error(ErrorCode::kCorrupt,
                *at >= bytes.size() ? "it is cut short" : "it is damaged: a number is missing");
  }
  return number;
}

struct Facts {
  ImageHeader header;
  PixelMode mode;
};

Facts facts_of(std::string_view bytes) {
  ImageHeader header;
  PixelMode mode = PixelMode::kRgb;
  const char kind = bytes[1];
  std::size_t at = 2;
  header.width = next_number(bytes, &at);
  header.height = next_number(bytes, &at);
  const bool bitmap = kind == '1' || kind == '4', color = kind == '3' || kind == '6';
  const bool text = kind <= '3';
  const std::uint64_t max = bitmap ? 1 : next_number(bytes, &at);
  if (max == 0 || max > 65535)
    throw Error(ErrorCode::kCorrupt, "it is damaged: its largest value is out of range");
  mode = bitmap      ? PixelMode::kBilevel
         : color     ? PixelMode::kRgb
         : max > 255 ? PixelMode::kInteger
                     : PixelMode::kGray;
  const std::uint64_t samples = header.width * header.height * (color ? 3 : 1);
  if (text) {
    // Bits may stand side by side; other numbers need a space between.
    const std::uint64_t min = bitmap ? samples : 2 * samples - 1;
    if (bytes.size() - at < min) throw Error(ErrorCode::kCorrupt, "it is cut short");
  } else {
    const std::uint64_t row = bitmap ? (header.width + 7) / 8 : 0;
    const std::uint64_t size = bitmap ? row * header.height : samples * (max > 255 ? 2 : 1);
    ByteReader(bytes).view(at + 1, size);
  }
  return {header, mode};
}

bool matches(std::string_view bytes) {
  return bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         (bytes[2] == '#' || is_space(bytes[2]));
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&, PixelBuffer*) {
  return decode_by_opencv(bytes[1] <= '3' ? std::string(bytes) + '\n' : std::string(bytes),
                          facts_of(bytes).mode, "PNM");
}

}  // namespace

const ImageFormat kPnmFormat = {"PNM", "pbm pgm ppm pnm", matches, read_header, decode};

}  // namespace clip
