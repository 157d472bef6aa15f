// GIF: CompuServe's specification, version 89a. The first frame, on the canvas, as Pillow has it.
#include <algorithm>
#include <array>
#include <optional>

#include "base/byte_reader.h"
#include "image/formats/formats.h"
#include "image/gif_lzw.h"
#include "image/pixel_buffer.h"

namespace clip {
namespace {

using Palette = std::array<std::array<std::uint8_t, 3>, 256>;

struct Facts {
  ImageHeader header;  // of the canvas, which is as large as the frame needs
  std::uint64_t left = 0, top = 0, width = 0, height = 0;  // the frame, on the canvas
  bool interlaced = false;
  std::optional<Palette> palette;  // none: gray
  std::uint8_t background = 0;     // where the frame is not
  int code_bits = 0;               // of LZW
  std::uint64_t data = 0;          // where the first block begins
};

// Walks the file.
class Cursor {
 public:
  Cursor(const ByteReader& reader, std::uint64_t at) : reader_(reader), at_(at) {}

  std::uint64_t at() const { return at_; }

  std::uint32_t u8() {
    ++at_;
    return reader_.u8(at_ - 1);
  }
  std::uint32_t u16() {
    at_ += 2;
    return reader_.u16(at_ - 2);
  }
  std::string_view take(std::uint64_t bytes) {
    at_ += bytes;
    return reader_.view(at_ - bytes, bytes);
  }
  // A data sub-block; the empty one is the last.
  std::string_view take_block() { return take(u8()); }

  // The colour table that the low three bits of `flags` tell the size of. Nothing for the one that
  // says that each index is its own gray. Entries that are missing are gray.
  std::optional<Palette> take_palette(std::uint32_t flags) {
    const std::string_view colors = take(std::uint64_t{3} << ((flags & 7) + 1));
    Palette palette;
    bool is_gray = true;
    for (std::size_t i = 0; i < palette.size(); ++i) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        const auto gray = static_cast<std::uint8_t>(i);
        const std::size_t at = 3 * i + channel;
        palette[i][channel] = at < colors.size() ? static_cast<std::uint8_t>(colors[at]) : gray;
        is_gray = is_gray && palette[i][channel] == gray;
      }
    }
    return is_gray ? std::nullopt : std::optional(palette);
  }

 private:
  const ByteReader& reader_;
  std::uint64_t at_;
};

// The index of the transparent colour, of a graphic control extension.
void take_control(std::string_view block, Facts* facts) {
  constexpr std::uint32_t kTransparent = 1;
  const ByteReader reader(block);
  if ((reader.u8(0) & kTransparent) != 0) {
    facts->background = static_cast<std::uint8_t>(reader.u8(3));
  }
}

void take_extension(Cursor* cursor, Facts* facts) {
  constexpr std::uint32_t kControl = 0xf9;
  const std::uint32_t label = cursor->u8();
  std::string_view block = cursor->take_block();
  if (label == kControl) take_control(block, facts);
  while (!block.empty()) block = cursor->take_block();
}

void take_frame(Cursor* cursor, Facts* facts) {
  constexpr std::uint32_t kPalette = 0x80, kInterlaced = 0x40;
  facts->left = cursor->u16();
  facts->top = cursor->u16();
  facts->width = cursor->u16();
  facts->height = cursor->u16();
  const std::uint32_t flags = cursor->u8();
  facts->interlaced = (flags & kInterlaced) != 0;
  if ((flags & kPalette) != 0) {
    const auto palette = cursor->take_palette(flags);
    if (palette) facts->palette = palette;
  }
  facts->code_bits = static_cast<int>(cursor->u8());
  facts->data = cursor->at();
}

Facts facts_of(std::string_view bytes) {
  constexpr std::uint32_t kPalette = 0x80;
  const ByteReader reader(bytes, /*big_endian=*/false);
  Facts facts;
  Cursor cursor(reader, 6);
  const std::uint64_t screen_width = cursor.u16(), screen_height = cursor.u16();
  const std::uint32_t flags = cursor.u8();
  cursor.take(2);  // the background's index, which Pillow does not use, and the aspect ratio
  if ((flags & kPalette) != 0) facts.palette = cursor.take_palette(flags);
  for (;;) {
    const auto introducer = static_cast<char>(cursor.u8());
    if (introducer == ';') throw Error(ErrorCode::kCorrupt, "it is damaged: it holds no frame");
    if (introducer == '!') take_extension(&cursor, &facts);
    if (introducer == ',') break;
    // Other bytes are passed over.
  }
  take_frame(&cursor, &facts);
  facts.header.width = std::max(screen_width, facts.left + facts.width);
  facts.header.height = std::max(screen_height, facts.top + facts.height);
  // As Pillow takes it: a frame that ends at the left edge is all of the canvas.
  if (facts.left + facts.width == 0) {
    facts.top = 0;
    facts.width = facts.header.width;
    facts.height = facts.header.height;
  }
  if (facts.width == 0 || facts.height == 0) {
    throw Error(ErrorCode::kCorrupt, "it is damaged: its first frame has no pixels");
  }
  facts.header.decode_bytes = facts.header.width * facts.header.height * (facts.palette ? 3 : 1);
  return facts;
}

bool matches(std::string_view bytes) {
  const ByteReader reader(bytes);
  return reader.starts_with(0, "GIF87a") || reader.starts_with(0, "GIF89a");
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

// The rows of an interlaced image, in the order in which they are stored: every eighth, the ones
// halfway between, and so on.
class Rows {
 public:
  Rows(std::uint64_t height, bool interlaced) : height_(height), pass_(interlaced ? 0 : kLast) {}

  std::uint64_t y() const { return y_; }

  // False behind the last row.
  bool next() {
    y_ += kPasses[pass_].step;
    while (y_ >= height_) {
      if (pass_ >= kLast - 1) return false;
      y_ = kPasses[++pass_].first;
    }
    return true;
  }

 private:
  struct Pass {
    std::uint64_t first, step;
  };
  static constexpr Pass kPasses[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}, {0, 1}};
  static constexpr std::size_t kLast = 4;  // not interlaced

  std::uint64_t height_, y_ = 0;
  std::size_t pass_;
};

// Puts the frame's indices on the canvas, as colours.
class Painter {
 public:
  Painter(const Facts& facts, const Image& image, std::uint8_t* pixels)
      : facts_(facts), image_(image), pixels_(pixels), rows_(facts.height, facts.interlaced) {
    begin_row();
  }

  void clear() const {
    const std::int64_t count = image_.width * image_.height;
    std::uint8_t* out = pixels_;
    for (std::int64_t i = 0; i < count; ++i) out = put(facts_.background, out);
  }

  // False once the last pixel is there.
  bool operator()(const std::uint8_t* indices, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      out_ = put(indices[i], out_);
      if (++x_ < facts_.width) continue;
      if (!rows_.next()) return false;
      begin_row();
    }
    return true;
  }

 private:
  void begin_row() {
    x_ = 0;
    out_ = pixels_ + static_cast<std::ptrdiff_t>(facts_.top + rows_.y()) * image_.stride +
           static_cast<std::ptrdiff_t>(facts_.left) * image_.channels;
  }

  std::uint8_t* put(std::uint8_t index, std::uint8_t* out) const {
    if (!facts_.palette) {
      *out = index;
      return out + 1;
    }
    const auto& color = (*facts_.palette)[index];
    return std::copy(color.begin(), color.end(), out);
  }

  const Facts& facts_;
  const Image& image_;
  std::uint8_t* pixels_;
  Rows rows_;
  std::uint64_t x_ = 0;
  std::uint8_t* out_ = nullptr;
};

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&,
             PixelBuffer* buffer) {
  const Facts facts = facts_of(bytes);
  Image image;
  image.mode = facts.palette ? PixelMode::kPalette : PixelMode::kGray;
  image.channels = facts.palette ? 3 : 1;
  image.width = static_cast<std::int64_t>(facts.header.width);
  image.height = static_cast<std::int64_t>(facts.header.height);
  image.stride = image.width * image.channels;
  const auto pixels = buffer->take(static_cast<std::size_t>(image.stride * image.height));
  image.data = pixels.get();
  image.owner = pixels;
  Painter paint(facts, image, pixels.get());
  if (facts.width != facts.header.width || facts.height != facts.header.height) paint.clear();
  const ByteReader reader(bytes);
  Cursor cursor(reader, facts.data);
  decode_gif_lzw(
      facts.code_bits, [&] { return cursor.take_block(); },
      [&](const std::uint8_t* indices, std::size_t count) { return paint(indices, count); });
  return image;
}

}  // namespace

const ImageFormat kGifFormat = {"GIF", "gif", matches, read_header, decode};

}  // namespace clip
