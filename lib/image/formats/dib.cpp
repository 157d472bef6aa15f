#include "image/formats/dib.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/byte_reader.h"
#include "image/formats/new_image.h"

namespace clip {
namespace {

// Sizes of headers. Pillow 9.4 knows neither the short form of OS/2 2.x nor V2 and V3.
constexpr std::uint32_t kCore = 12, kShortOs2 = 16, kInfo = 40, kV2 = 52, kV3 = 56, kLongOs2 = 64,
                        kV4 = 108, kV5 = 124;
constexpr std::uint32_t kHeaders[] = {kCore, kShortOs2, kInfo, kV2, kV3, kLongOs2, kV4, kV5};
constexpr std::uint32_t kUncompressed = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3;
constexpr std::uint32_t kMaxColors = 256;

bool is_depth(std::uint32_t bits) {
  return bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32;
}

// The masks that Pillow knows, with the pixels' layout.
struct Masks {
  std::uint32_t bits;
  std::array<std::uint32_t, 4> masks;  // red, green, blue, alpha
  std::array<std::uint8_t, 4> order;   // as in Dib
  PixelMode mode;
};

constexpr Masks kMasks[] = {
    {32, {0xff0000, 0xff00, 0xff, 0}, {2, 1, 0, 3}, PixelMode::kRgb},
    {32, {0xff000000, 0xff0000, 0xff00, 0}, {3, 2, 1, 0}, PixelMode::kRgb},
    {32, {0xff000000, 0xff0000, 0xff00, 0xff}, {3, 2, 1, 0}, PixelMode::kRgba},
    {32, {0xff, 0xff00, 0xff0000, 0xff000000}, {0, 1, 2, 3}, PixelMode::kRgba},
    {32, {0xff0000, 0xff00, 0xff, 0xff000000}, {2, 1, 0, 3}, PixelMode::kRgba},
    {32, {0, 0, 0, 0}, {2, 1, 0, 3}, PixelMode::kRgba},
    {24, {0xff0000, 0xff00, 0xff, 0}, {2, 1, 0, 3}, PixelMode::kRgb},
    {16, {0xf800, 0x7e0, 0x1f, 0}, {}, PixelMode::kRgb},
    {16, {0x7c00, 0x3e0, 0x1f, 0}, {}, PixelMode::kRgb},
};

void take_masks(const std::array<std::uint32_t, 4>& masks, Dib* dib) {
  for (const Masks& known : kMasks) {
    // Alpha in 16 bits is ignored.
    const bool same = dib->bits == 32
                          ? masks == known.masks
                          : std::equal(masks.begin(), masks.begin() + 3, known.masks.begin());
    if (known.bits != dib->bits || !same) continue;
    dib->order = known.order;
    dib->mode = known.mode;
    dib->green_has_six_bits = dib->bits == 16 && known.masks[1] == 0x7e0;
    return;
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("its bit fields, {:#x}, {:#x}, {:#x} and {:#x} of {} bits, are not "
                          "supported; save it as a PNG",
                          masks[0], masks[1], masks[2], masks[3], dib->bits));
}

// Reads what the file has of the palette. An index behind it is a level of gray, as in Pillow.
// A palette that is a gray ramp makes the image gray, and one of black and white bilevel.
void take_palette(const ByteReader& reader, std::uint64_t at, std::uint64_t colors,
                  std::uint32_t entry, Dib* dib) {
  const std::uint64_t count = std::min<std::uint64_t>(colors, kMaxColors);
  bool gray = true;
  for (std::uint32_t i = 0; i < kMaxColors; ++i) {
    auto& color = dib->palette[i];
    const auto level = static_cast<std::uint8_t>(colors == 2 ? std::min(255 * i, 255U) : i);
    color = {level, level, level};
    if (i >= count) {
      if (colors == 2) continue;
      color.fill(static_cast<std::uint8_t>(i));
    } else if (reader.holds(at + std::uint64_t{i} * entry, entry)) {
      const std::uint64_t from = at + std::uint64_t{i} * entry;
      color = {static_cast<std::uint8_t>(reader.u8(from + 2)),
               static_cast<std::uint8_t>(reader.u8(from + 1)),
               static_cast<std::uint8_t>(reader.u8(from))};
      gray = gray && color[0] == level && color[1] == level && color[2] == level;
    } else {
      color.fill(static_cast<std::uint8_t>(i));
      gray = false;
    }
  }
  dib->mode = !gray ? PixelMode::kPalette : colors == 2 ? PixelMode::kBilevel : PixelMode::kGray;
  if (colors != 2 || gray) return;
  for (std::uint32_t i = 2; i < kMaxColors; ++i) dib->palette[i].fill(static_cast<std::uint8_t>(i));
}

std::uint64_t stride_of(const Dib& dib) {  // rows end at 4 bytes
  return (dib.width * dib.bits + 31) / 32 * 4;
}

// Indices of a pixel's place into a row of the image.
class IndexWriter {
 public:
  IndexWriter(const Dib& dib, const NewImage& made) : dib_(dib), made_(made) {}

  void put(std::uint64_t at, std::uint8_t index) const {
    const std::uint64_t y = at / dib_.width, x = at % dib_.width;
    std::uint8_t* row = made_.row(dib_.top_down ? y : dib_.height - 1 - y);
    put_in_row(row, x, index);
  }
  void put_in_row(std::uint8_t* row, std::uint64_t x, std::uint8_t index) const {
    const auto& color = dib_.palette[index];
    if (made_.image.channels == 1) {
      row[x] = color[0];
    } else {
      std::memcpy(row + 3 * x, color.data(), 3);
    }
  }

 private:
  const Dib& dib_;
  const NewImage& made_;
};

// Run-length encoding. What is skipped, by an early end of a line or of the bitmap or by a delta,
// has index 0. A run ends with the row; an absolute one that is too long goes on in the next, as in
// Pillow.
class RleDecoder {
 public:
  RleDecoder(std::string_view data, const Dib& dib, const NewImage& made)
      : data_(data), dib_(dib), writer_(dib, made), count_(dib.width * dib.height) {}

  void decode() {
    while (done_ < count_) {
      const std::uint8_t first = next(), second = next();
      if (first != 0) {
        run(first, second);
      } else if (second == 0) {
        skip((dib_.width - done_ % dib_.width) % dib_.width);
        column_ = 0;
      } else if (second == 1) {
        skip(count_ - done_);
      } else if (second == 2) {
        const std::uint8_t right = next(), up = next();
        skip(right + up * dib_.width);
        column_ = done_ % dib_.width;
      } else {
        absolute(second);
      }
    }
  }

 private:
  bool has_nibbles() const { return dib_.compression == kRle4; }

  std::uint8_t next() {
    if (at_ >= data_.size())
      throw Error(ErrorCode::kCorrupt, "it is cut short: its pixels do not end");
    return static_cast<std::uint8_t>(data_[at_++]);
  }

  void put(std::uint8_t index) {
    if (done_ < count_) writer_.put(done_++, index);
  }

  void skip(std::uint64_t count) {
    for (count = std::min(count, count_ - done_); count > 0; --count) put(0);
  }

  void run(std::uint8_t length, std::uint8_t value) {
    // The column counts what the file has written of the row, also where a delta or an overflow has
    // moved the pixels.
    const std::uint64_t left = dib_.width > column_ ? dib_.width - column_ : 0;
    const std::uint64_t count = std::min<std::uint64_t>(length, left);
    for (std::uint64_t i = 0; i < count; ++i) {
      put(static_cast<std::uint8_t>(!has_nibbles() ? value : i % 2 == 0 ? value >> 4 : value & 15));
    }
    column_ += count;
  }

  void absolute(std::uint8_t length) {
    for (int i = 0; i < length; ++i) {
      if (!has_nibbles()) {
        put(next());
      } else if (i % 2 == 0) {
        put(static_cast<std::uint8_t>(peek() >> 4));
        if (i + 1 == length) ++at_;
      } else {
        put(next() & 15);
      }
    }
    column_ += length;
    // Such a run is filled up to a whole number of 16-bit words.
    const int bytes = has_nibbles() ? (length + 1) / 2 : length;
    at_ += static_cast<std::size_t>(bytes % 2);
  }

  std::uint8_t peek() {
    const std::uint8_t byte = next();
    --at_;
    return byte;
  }

  std::string_view data_;
  const Dib& dib_;
  IndexWriter writer_;
  std::uint64_t count_, done_ = 0, column_ = 0;
  std::size_t at_ = 0;
};

void unpack_indices(const std::uint8_t* from, const Dib& dib, const IndexWriter& writer,
                    std::uint8_t* row) {
  const std::uint32_t in_byte = 8 / dib.bits, mask = (1U << dib.bits) - 1;
  for (std::uint64_t x = 0; x < dib.width; ++x) {
    const std::uint32_t shift = dib.bits * (in_byte - 1 - static_cast<std::uint32_t>(x % in_byte));
    writer.put_in_row(row, x, static_cast<std::uint8_t>(from[x / in_byte] >> shift & mask));
  }
}

void unpack_16(const std::uint8_t* from, const Dib& dib, std::uint8_t* row) {
  const std::uint32_t green = dib.green_has_six_bits ? 63 : 31;
  const int red_shift = dib.green_has_six_bits ? 11 : 10;
  for (std::uint64_t x = 0; x < dib.width; ++x, from += 2) {
    const std::uint32_t pixel = from[0] | from[1] << 8U;
    *row++ = static_cast<std::uint8_t>((pixel >> red_shift & 31) * 255 / 31);
    *row++ = static_cast<std::uint8_t>((pixel >> 5 & green) * 255 / green);
    *row++ = static_cast<std::uint8_t>((pixel & 31) * 255 / 31);
  }
}

void unpack_bytes(const std::uint8_t* from, const Dib& dib, std::uint8_t* row) {
  const std::uint32_t step = dib.bits / 8, channels = dib.mode == PixelMode::kRgba ? 4 : 3;
  for (std::uint64_t x = 0; x < dib.width; ++x, from += step) {
    for (std::uint32_t channel = 0; channel < channels; ++channel) {
      *row++ = from[dib.order[channel]];
    }
  }
}

void unpack_rows(std::string_view bytes, const Dib& dib, const NewImage& made) {
  const IndexWriter writer(dib, made);
  const std::uint64_t stride = stride_of(dib);
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data()) + dib.pixels;
  for (std::uint64_t y = 0; y < dib.height; ++y) {
    const std::uint8_t* from = data + y * stride;
    std::uint8_t* row = made.row(dib.top_down ? y : dib.height - 1 - y);
    if (dib.bits <= 8) {
      unpack_indices(from, dib, writer, row);
    } else if (dib.bits == 16) {
      unpack_16(from, dib, row);
    } else {
      unpack_bytes(from, dib, row);
    }
  }
}

}  // namespace

bool is_dib(std::string_view bytes, std::uint64_t offset) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  if (!reader.holds(offset, kShortOs2)) return false;
  const std::uint32_t size = reader.u32(offset);
  if (std::find(std::begin(kHeaders), std::end(kHeaders), size) == std::end(kHeaders)) return false;
  const std::uint64_t planes = offset + (size == kCore ? 8 : 12);
  return reader.u16(planes) <= 1 && is_depth(reader.u16(planes + 2));
}

Dib read_dib(std::string_view bytes, std::uint64_t header, std::uint64_t pixels,
             UnusedByte unused) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  const std::uint32_t size = reader.u32(header);
  if (std::find(std::begin(kHeaders), std::end(kHeaders), size) == std::end(kHeaders)) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its header has {} bytes, which is none of the known kinds", size));
  }
  reader.view(header, size);
  Dib dib;
  std::uint64_t colors = 0, at = header + size;  // where what follows the header begins
  std::array<std::uint32_t, 4> masks = {};
  if (size == kCore) {
    dib.width = reader.u16(header + 4);
    dib.height = reader.u16(header + 6);
    dib.bits = reader.u16(header + 10);
  } else {
    dib.width = reader.u32(header + 4);
    // A negative height says that the first row is the upper one.
    const std::uint32_t height = reader.u32(header + 8);
    dib.top_down = height >> 31 != 0;
    dib.height = dib.top_down ? 0U - height : height;
    dib.bits = reader.u16(header + 14);
  }
  if (size >= kInfo) {
    dib.compression = reader.u32(header + 16);
    colors = reader.u32(header + 32);
  }
  if (!is_depth(dib.bits)) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("its pixels have {} bits, which is not supported; save it as a PNG", dib.bits));
  }
  if (colors == 0) colors = std::uint64_t{1} << dib.bits;
  if (dib.compression == kBitFields) {
    const std::uint64_t fields = header + kInfo;
    if (size < kV2) at += 12;  // the three masks follow the header
    for (std::uint64_t i = 0; i < (size < kV3 ? 3U : 4U); ++i)
      masks[i] = reader.u32(fields + 4 * i);
    take_masks(masks, &dib);
  } else if (dib.compression == kRle4 || dib.compression == kRle8) {
    if (dib.bits > 8) {
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("it is damaged: its compression cannot have {} bits a pixel", dib.bits));
    }
  } else if (dib.compression != kUncompressed) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its compression, of kind {}, is not supported; save it as a PNG",
                            dib.compression));
  } else if (dib.bits == 32 && unused == UnusedByte::kAlpha) {
    dib.mode = PixelMode::kRgba;
  }
  if (dib.bits <= 8) {
    const std::uint32_t entry = size == kCore ? 3 : 4;
    take_palette(reader, at, colors, entry, &dib);
    // Some writers say that the pixels are where the palette is; Pillow takes 4 bytes a colour
    // then.
    if (pixels == header + size) pixels += 4 * colors;
    at += entry * colors;
  }
  dib.pixels = pixels != 0 ? pixels : at;
  return dib;
}

Image decode_dib(std::string_view bytes, const Dib& dib, PixelBuffer* buffer) {
  const bool packed = dib.compression == kRle4 || dib.compression == kRle8;
  const ByteReader reader(bytes);
  // The last row may lack its padding.
  const std::uint64_t last = (dib.width * dib.bits + 7) / 8;
  reader.view(dib.pixels, packed ? 2 : (dib.height - 1) * stride_of(dib) + last);
  const int channels = dib.mode == PixelMode::kRgba                                      ? 4
                       : dib.mode == PixelMode::kGray || dib.mode == PixelMode::kBilevel ? 1
                                                                                         : 3;
  ImageHeader header;
  header.width = dib.width;
  header.height = dib.height;
  const NewImage made = new_image(header, dib.mode, channels, buffer);
  if (packed) {
    RleDecoder(bytes.substr(dib.pixels), dib, made).decode();
  } else {
    unpack_rows(bytes, dib, made);
  }
  return made.image;
}

}  // namespace clip
