// TGA: Truevision's TGA File Format Specification 2.0. It has no signature: a file is taken for one
// by a header that makes sense, when no other format has claimed it.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/byte_reader.h"
#include "image/formats/formats.h"
#include "image/formats/new_image.h"

namespace clip {
namespace {

constexpr std::uint64_t kHeader = 18;
constexpr std::uint32_t kPaletteImage = 1, kColorImage = 2, kGrayImage = 3, kPacked = 8;

struct Header {
  std::uint32_t id_length = 0, palette_kind = 0, kind = 0;
  std::uint32_t first_color = 0, colors = 0, color_bits = 0;
  std::uint32_t width = 0, height = 0, bits = 0, flags = 0;

  std::uint32_t color_kind() const { return kind & 7U; }
  bool packed() const { return (kind & kPacked) != 0; }
  bool top_down() const { return (flags & 0x20) != 0; }
  bool right_to_left() const { return (flags & 0x10) != 0; }
  std::uint64_t palette() const { return kHeader + id_length; }
  std::uint64_t pixels() const {
    return palette() + (palette_kind == 0 ? 0 : std::uint64_t{colors} * ((color_bits + 7) / 8));
  }
};

Header header_of(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  Header header;
  header.id_length = reader.u8(0);
  header.palette_kind = reader.u8(1);
  header.kind = reader.u8(2);
  header.first_color = reader.u16(3);
  header.colors = reader.u16(5);
  header.color_bits = reader.u8(7);
  header.width = reader.u16(12);
  header.height = reader.u16(14);
  header.bits = reader.u8(16);
  header.flags = reader.u8(17);
  return header;
}

bool is_one_of(std::uint32_t value, std::initializer_list<std::uint32_t> values) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool has_plausible_palette(const Header& header) {
  const bool known_bits = is_one_of(header.color_bits, {15, 16, 24, 32});
  if (header.palette_kind == 1) return header.colors > 0 && known_bits;
  // Without a palette these fields are zero, but for the bits, which some writers set. In a text of
  // UTF-16 letters are here.
  return header.palette_kind == 0 && header.first_color == 0 && header.colors == 0 &&
         (known_bits || header.color_bits == 0);
}

bool has_plausible_pixels(const Header& header) {
  switch (header.kind & ~kPacked) {
    case kPaletteImage:
      return is_one_of(header.bits, {8, 16});
    case kColorImage:
      return is_one_of(header.bits, {15, 16, 24, 32});
    case kGrayImage:
      return is_one_of(header.bits, {8, 16}) || (header.bits == 1 && !header.packed());
    default:
      return false;
  }
}

bool matches(std::string_view bytes) {
  if (bytes.size() < kHeader) return false;
  const Header header = header_of(bytes);
  constexpr std::uint32_t kInterleaved = 0xc0, kAlphaBits = 0x0f;
  return header.width > 0 && header.height > 0 && has_plausible_palette(header) &&
         has_plausible_pixels(header) && (header.flags & kInterleaved) == 0 &&
         (header.flags & kAlphaBits) <= 8;
}

PixelMode mode_of(const Header& header) {
  switch (header.color_kind()) {
    case kPaletteImage:
      return PixelMode::kPalette;
    case kColorImage:
      return header.bits == 32 ? PixelMode::kRgba : PixelMode::kRgb;
    default:
      return header.bits == 1    ? PixelMode::kBilevel
             : header.bits == 16 ? PixelMode::kGrayAlpha
                                 : PixelMode::kGray;
  }
}

int channels_of(PixelMode mode) {
  if (mode == PixelMode::kRgba || mode == PixelMode::kGrayAlpha) return 4;
  return mode == PixelMode::kBilevel || mode == PixelMode::kGray ? 1 : 3;
}

ImageHeader read_header(std::string_view bytes) {
  const Header header = header_of(bytes);
  if (header.color_kind() == kPaletteImage && header.bits != 8) {
    throw Error(
        ErrorCode::kUnsupported,
        "it is a TGA with a palette and 16 bits a pixel, which is not supported; save it as "
        "a PNG");
  }
  ImageHeader result;
  result.width = header.width;
  result.height = header.height;
  return result;
}

using Color = std::array<std::uint8_t, 3>;

// 5 bits a colour, in either byte of a pair.
Color color_of_16(std::uint32_t pixel) {
  return {static_cast<std::uint8_t>((pixel >> 10 & 31) * 255 / 31),
          static_cast<std::uint8_t>((pixel >> 5 & 31) * 255 / 31),
          static_cast<std::uint8_t>((pixel & 31) * 255 / 31)};
}

// Colours below the first are black; behind the last, and where there is no palette, an index is a
// level of gray, as in Pillow.
std::array<Color, 256> palette_of(std::string_view bytes, const Header& header) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  std::array<Color, 256> palette;
  for (std::uint32_t i = 0; i < palette.size(); ++i) {
    palette[i].fill(static_cast<std::uint8_t>(i));
    if (header.palette_kind == 0 || i >= header.first_color + header.colors) continue;
    palette[i].fill(0);
    if (i < header.first_color) continue;
    const std::uint32_t entry = (header.color_bits + 7) / 8;
    const std::uint64_t at = header.palette() + std::uint64_t{i - header.first_color} * entry;
    if (entry == 2) {
      palette[i] = color_of_16(reader.u16(at));
    } else {
      for (std::uint32_t channel = 0; channel < 3; ++channel) {
        palette[i][channel] = static_cast<std::uint8_t>(reader.u8(at + 2 - channel));
      }
    }
  }
  return palette;
}

// Writes pixels, each given as the file has it, from the left to the right and row after row.
class PixelWriter {
 public:
  PixelWriter(const Header& header, const std::array<Color, 256>& palette, const NewImage& made)
      : header_(header), palette_(palette), made_(made) {
    begin_row();
  }

  bool done() const { return y_ >= header_.height; }

  void put(const std::uint8_t* pixel) {
    switch (made_.image.mode) {
      case PixelMode::kPalette:
        std::memcpy(to_, palette_[pixel[0]].data(), 3);
        break;
      case PixelMode::kGrayAlpha:
        to_[0] = to_[1] = to_[2] = pixel[0];
        to_[3] = pixel[1];
        break;
      case PixelMode::kGray:
      case PixelMode::kBilevel:
        *to_ = pixel[0];
        break;
      default:
        put_color(pixel);
    }
    to_ += step_;
    if (++x_ < header_.width) return;
    x_ = 0;
    ++y_;
    if (!done()) begin_row();
  }

 private:
  void put_color(const std::uint8_t* pixel) {
    if (header_.bits <= 16) {
      std::memcpy(to_, color_of_16(pixel[0] | pixel[1] << 8U).data(), 3);
      return;
    }
    to_[0] = pixel[2];
    to_[1] = pixel[1];
    to_[2] = pixel[0];
    if (header_.bits == 32) to_[3] = pixel[3];
  }

  void begin_row() {
    const int channels = made_.image.channels;
    to_ = made_.row(header_.top_down() ? y_ : header_.height - 1 - y_);
    if (header_.right_to_left()) to_ += static_cast<std::size_t>(header_.width - 1) * channels;
    step_ = header_.right_to_left() ? -channels : channels;
  }

  const Header& header_;
  const std::array<Color, 256>& palette_;
  const NewImage& made_;
  std::uint32_t x_ = 0, y_ = 0;
  std::uint8_t* to_ = nullptr;
  int step_ = 1;
};

void read_bits(const std::uint8_t* data, const Header& header, PixelWriter* writer) {
  const std::size_t stride = (header.width + 7) / 8;
  for (std::size_t y = 0; y < header.height; ++y) {
    for (std::size_t x = 0; x < header.width; ++x) {
      const bool white = (data[y * stride + x / 8] >> (7 - x % 8) & 1) != 0;
      const std::uint8_t pixel[4] = {static_cast<std::uint8_t>(white ? 255 : 0)};
      writer->put(pixel);
    }
  }
}

// Packets of up to 128 pixels, which may cross the end of a row.
void unpack(std::string_view bytes, std::uint64_t at, std::uint32_t pixel, PixelWriter* writer) {
  const ByteReader reader(bytes);
  while (!writer->done()) {
    const std::uint32_t head = reader.u8(at++);
    const std::uint32_t count = (head & 127) + 1, step = (head & 128) != 0 ? 0 : pixel;
    const std::string_view data = reader.view(at, step == 0 ? pixel : std::uint64_t{count} * step);
    const auto* from = reinterpret_cast<const std::uint8_t*>(data.data());
    for (std::uint32_t i = 0; i < count && !writer->done(); ++i) writer->put(from + i * step);
    at += data.size();
  }
}

Image decode(std::string_view bytes, const ImageHeader& size, const DecodeOptions&,
             PixelBuffer* buffer) {
  const Header header = header_of(bytes);
  const std::uint32_t pixel = (header.bits + 7) / 8;
  const std::uint64_t row = header.bits == 1 ? (header.width + 7) / 8 : header.width * pixel;
  const ByteReader reader(bytes);
  // A packet of a header and a pixel makes 128 pixels, at most.
  const std::uint64_t packets = (size.width * size.height + 127) / 128;
  const std::string_view data =
      reader.view(header.pixels(), header.packed() ? packets * (1 + pixel) : row * header.height);
  const auto palette = palette_of(bytes, header);
  const PixelMode mode = mode_of(header);
  const NewImage made = new_image(size, mode, channels_of(mode), buffer);
  PixelWriter writer(header, palette, made);
  if (header.packed()) {
    unpack(bytes, header.pixels(), pixel, &writer);
    return made.image;
  }
  const auto* from = reinterpret_cast<const std::uint8_t*>(data.data());
  if (header.bits == 1) {
    read_bits(from, header, &writer);
  } else {
    for (; !writer.done(); from += pixel) writer.put(from);
  }
  return made.image;
}

}  // namespace

const ImageFormat kTgaFormat = {"TGA", "tga icb vda vst", matches, read_header, decode};

}  // namespace clip
