// ICO: icons and cursors of Windows, of which the one is taken that Pillow takes. Each is a PNG, or
// a device-independent bitmap of twice the height: colours, then a mask of one bit a pixel.
#include <algorithm>
#include <vector>

#include "base/byte_reader.h"
#include "image/formats/dib.h"
#include "image/formats/formats.h"
#include "image/formats/new_image.h"

namespace clip {
namespace {

constexpr std::uint64_t kDirectory = 6, kEntrySize = 16;

struct Entry {
  std::uint32_t width = 0, height = 0;  // 1 to 256
  std::uint32_t bits = 0;               // a pixel, or 0
  std::uint32_t depth = 0;              // the same, or what the number of colours tells
  std::uint64_t size = 0, offset = 0;
};

bool is_cursor(std::string_view bytes) {
  return bytes[2] == 2;
}

// How many bits tell so many colours apart; 256 stands for any number of bits, as in Pillow.
std::uint32_t depth_for(std::uint32_t colors) {
  std::uint32_t bits = 0;
  while (colors > 1U << bits) ++bits;
  return bits != 0 ? bits : 256;
}

Entry read_entry(const ByteReader& reader, std::uint64_t at) {
  Entry entry;
  entry.width = reader.u8(at);
  entry.height = reader.u8(at + 1);
  entry.bits = reader.u16(at + 6);
  entry.depth = entry.bits != 0 ? entry.bits : depth_for(reader.u8(at + 2));
  entry.size = reader.u32(at + 8);
  entry.offset = reader.u32(at + 12);
  return entry;
}

// Of icons the largest, then the one of most bits, then the last.
Entry chosen_icon(const ByteReader& reader, std::uint64_t count) {
  Entry best;
  for (std::uint64_t i = 0; i < count; ++i) {
    Entry entry = read_entry(reader, kDirectory + i * kEntrySize);
    if (entry.width == 0) entry.width = 256;
    if (entry.height == 0) entry.height = 256;
    const std::uint32_t area = entry.width * entry.height, most = best.width * best.height;
    if (area > most || (area == most && entry.depth >= best.depth)) best = entry;
  }
  return best;
}

// Of cursors the first, unless one behind it is wider and higher; 0 is not 256 here, as in Pillow.
Entry chosen_cursor(const ByteReader& reader, std::uint64_t count) {
  Entry best = read_entry(reader, kDirectory);
  for (std::uint64_t i = 1; i < count; ++i) {
    const Entry entry = read_entry(reader, kDirectory + i * kEntrySize);
    if (entry.width > best.width && entry.height > best.height) best = entry;
  }
  if (best.offset == 0) best.offset = kDirectory + count * kEntrySize;
  return best;
}

Entry chosen(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  const std::uint64_t count = reader.u16(4);
  reader.view(kDirectory, count * kEntrySize);
  return is_cursor(bytes) ? chosen_cursor(reader, count) : chosen_icon(reader, count);
}

bool is_png(std::string_view bytes, const Entry& entry) {
  return entry.offset < bytes.size() && kPngFormat.matches(bytes.substr(entry.offset));
}

Dib read_bitmap(std::string_view bytes, const Entry& entry) {
  // Pillow's way to tell that a 32-bit cursor has alpha: it is the only one of its file.
  constexpr std::uint64_t kOnly = kDirectory + kEntrySize;
  const bool alpha = is_cursor(bytes) && entry.offset == kOnly;
  Dib dib = read_dib(bytes, entry.offset, 0, alpha ? UnusedByte::kAlpha : UnusedByte::kIgnored);
  dib.height /= 2;
  return dib;
}

// The icon's alpha: [height, width], the lowest row first.
std::vector<std::uint8_t> alpha_of(std::string_view bytes, const Entry& entry, const Dib& dib) {
  const ByteReader reader(bytes);
  const std::uint64_t area = dib.width * dib.height;
  if (entry.bits == 32) {
    const std::string_view data = reader.view(dib.pixels, 4 * area);
    std::vector<std::uint8_t> alpha(area);
    for (std::uint64_t i = 0; i < area; ++i) alpha[i] = static_cast<std::uint8_t>(data[4 * i + 3]);
    return alpha;
  }
  // The mask lies at the end, its rows filled up to 32 bits; 1 is transparent.
  const std::uint64_t stride = (dib.width + 31) / 32 * 4, size = stride * dib.height;
  const std::uint64_t end = entry.offset + entry.size;
  if (size > end) throw Error(ErrorCode::kCorrupt, "it is damaged: it has no room for its mask");
  const std::string_view data = reader.view(end - size, size - stride + (dib.width + 7) / 8);
  std::vector<std::uint8_t> alpha(area);
  for (std::uint64_t y = 0; y < dib.height; ++y) {
    for (std::uint64_t x = 0; x < dib.width; ++x) {
      const bool transparent = (data[y * stride + x / 8] >> (7 - x % 8) & 1) != 0;
      alpha[y * dib.width + x] = transparent ? 0 : 255;
    }
  }
  return alpha;
}

Image with_alpha(const Image& image, const std::vector<std::uint8_t>& alpha,
                 const ImageHeader& header, PixelBuffer* buffer) {
  const NewImage made = new_image(header, PixelMode::kRgba, 4, buffer);
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.row(y);
    const std::uint8_t* level = alpha.data() + (image.height - 1 - y) * image.width;
    std::uint8_t* to = made.row(static_cast<std::uint64_t>(y));
    for (std::int64_t x = 0; x < image.width; ++x, from += image.channels, to += 4) {
      for (int channel = 0; channel < 3; ++channel) {
        to[channel] = from[image.channels == 1 ? 0 : channel];
      }
      to[3] = level[x];
    }
  }
  return made.image;
}

bool matches(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  if (!reader.holds(0, kDirectory + kEntrySize)) return false;
  const std::uint32_t kind = reader.u16(2), count = reader.u16(4);
  if (reader.u16(0) != 0 || (kind != 1 && kind != 2) || count == 0) return false;
  // Four bytes, of which three are zero, begin many another file.
  return reader.u8(9) == 0 || reader.u8(9) == 255;
}

ImageHeader read_header(std::string_view bytes) {
  const Entry entry = chosen(bytes);
  ImageHeader header;
  if (is_png(bytes, entry)) {
    header = kPngFormat.read_header(bytes.substr(entry.offset));
    header.orientation = 1;  // Pillow asks the icon for EXIF, which has none
    return header;
  }
  const Dib dib = read_bitmap(bytes, entry);
  header.width = dib.width;
  header.height = dib.height;
  header.decode_bytes = dib.width * dib.height * 9;  // without alpha, alpha, and with it
  return header;
}

Image decode(std::string_view bytes, const ImageHeader& header, const DecodeOptions& options,
             PixelBuffer* buffer) {
  const Entry entry = chosen(bytes);
  if (is_png(bytes, entry)) {
    return kPngFormat.decode(bytes.substr(entry.offset), header, options, buffer);
  }
  const Dib dib = read_bitmap(bytes, entry);
  if (is_cursor(bytes)) return decode_dib(bytes, dib, buffer);
  PixelBuffer colors;
  const Image image = decode_dib(bytes, dib, &colors);
  return with_alpha(image, alpha_of(bytes, entry, dib), header, buffer);
}

}  // namespace

const ImageFormat kIcoFormat = {"ICO", "ico cur", matches, read_header, decode};

}  // namespace clip
