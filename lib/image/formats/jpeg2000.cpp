// JPEG 2000: ITU-T T.800, codestreams (annex A) and JP2 files (annex I). OpenJPEG decodes it, in a
// module; the size is read here.
#include <fmt/format.h>

#include <algorithm>

#include "base/byte_reader.h"
#include "base/module.h"
#include "image/cmyk.h"
#include "image/formats/formats.h"
#include "image/iso_box.h"
#include "image/modules/entry.h"
#include "image/pixel_buffer.h"
#include "image/ycbcr.h"

extern "C" const clip::EmbeddedFile clip_jpeg2000_module[];

namespace clip {
namespace {

// Loaded by the first call; one that fails is tried again by the next.
Jpeg2000Entry openjpeg() {
  static const auto entry =
      Module(clip_jpeg2000_module[0], "JPEG 2000 needs OpenJPEG", "libopenjp2-7")
          .symbol<Jpeg2000Entry>(kJpeg2000Entry);
  return entry;
}

const std::string_view kBoxes("\0\0\0\x0cjP  \r\n\x87\n", 12);
const std::string_view kCodestream("\xff\x4f\xff\x51", 4);

struct Facts {
  std::uint64_t width = 0, height = 0;
  std::uint32_t components = 0;
  std::uint32_t bits = 0;         // of the first component
  std::uint32_t color_space = 0;  // of the box colr, EnumCS; 0: not told
  bool boxed = false, palette = false;
};

constexpr std::uint32_t kCmykSpace = 12, kSyccSpace = 18;

[[noreturn]] void damaged(const char* what) {
  throw Error(ErrorCode::kCorrupt, std::string("it is damaged: ") + what);
}

void check_tiles(const Facts& facts, std::uint64_t across, std::uint64_t down) {
  // OpenJPEG takes about 10 KiB a tile at once, so that a few bytes could ask for 650 MB.
  constexpr std::uint64_t kFewTiles = 1024, kSmallestTile = 64 * 64;
  if (across > 65535 || down > 65535 ||
      across * down > kFewTiles + facts.width * facts.height / kSmallestTile) {
    throw Error(ErrorCode::kUnsupported, "it has more tiles than can be read");
  }
}

// The markers COD, which say how tiles are coded: that of the codestream's header, and those that
// tiles have of their own. Damage is left to OpenJPEG.
void check_layers(std::string_view bytes) {
  // Encoders make some dozens. OpenJPEG goes through all layers, whether there is data or not: a
  // file of 9 pixels and 63,745 layers took a tenth of a second, 3 s with sanitizers, and files may
  // have many tiles of that kind.
  constexpr std::uint32_t kMaxLayers = 1024;
  constexpr std::uint32_t kSot = 0xff90, kSod = 0xff93, kCod = 0xff52;
  const ByteReader reader(bytes);
  std::uint64_t tile_end = bytes.size();
  for (std::uint64_t at = 2; at + 12 <= bytes.size();) {
    const std::uint32_t marker = reader.u16(at);
    if (marker == kSod) {
      at = std::max(tile_end, at + 2);
      continue;
    }
    if (marker == kSot) {
      const std::uint32_t length = reader.u32(at + 6);
      tile_end = length < 12 ? bytes.size() : at + length;
    }
    if (marker == kCod && reader.u16(at + 6) > kMaxLayers) {
      throw Error(ErrorCode::kUnsupported, "it has more layers than can be read");
    }
    at += 2 + std::max<std::uint64_t>(reader.u16(at + 2), 2);
  }
}

// The marker SIZ, which comes first.
void read_codestream(std::string_view bytes, Facts* facts) {
  const ByteReader reader(bytes);
  if (!reader.starts_with(0, kCodestream)) damaged("its codestream does not begin with its size");
  const std::uint64_t right = reader.u32(8), bottom = reader.u32(12);
  const std::uint64_t left = reader.u32(16), top = reader.u32(20);
  const std::uint64_t tile_width = reader.u32(24), tile_height = reader.u32(28);
  const std::uint64_t tile_left = reader.u32(32), tile_top = reader.u32(36);
  const std::uint32_t components = reader.u16(40);
  if (left >= right || top >= bottom) damaged("it says that it has no pixels");
  if (tile_width == 0 || tile_height == 0 || tile_left > left || tile_top > top) {
    damaged("its tiles have no size");
  }
  const bool told = facts->width != 0;
  if (told && (facts->width != right - left || facts->height != bottom - top ||
               facts->components != components)) {
    damaged("its header and its codestream have other sizes");
  }
  facts->width = right - left;
  facts->height = bottom - top;
  facts->components = components;
  if (!told) facts->bits = (reader.u8(42) & 0x7f) + 1;
  check_tiles(*facts, (right - tile_left - 1) / tile_width + 1,
              (bottom - tile_top - 1) / tile_height + 1);
  check_layers(bytes);
}

// Calls read(type, content) for one box after the other, until it gives true.
template <typename Read>
bool each_box(std::string_view bytes, const Read& read) {
  for (std::uint64_t at = 0; at + 8 <= bytes.size();) {
    const auto box = iso_box_at(bytes, at);
    if (!box) damaged("a box is shorter than its own header");
    // The codestream is what pixels are missed in.
    if (!box->whole && box->type != "jp2c") throw Error(ErrorCode::kCorrupt, "it is cut short");
    if (read(box->type, box->content)) return true;
    at += box->length;
  }
  return false;
}

Facts facts_of(std::string_view bytes) {
  Facts facts;
  if (bytes.substr(0, kCodestream.size()) == kCodestream) {
    read_codestream(bytes, &facts);
  } else {
    facts.boxed = true;
    const bool found = each_box(bytes, [&](std::string_view type, std::string_view content) {
      if (type == "jp2h") {
        each_box(content, [&](std::string_view inner, std::string_view field) {
          const ByteReader reader(field);
          if (inner == "ihdr") {
            facts.height = reader.u32(0);
            facts.width = reader.u32(4);
            facts.components = reader.u16(8);
            facts.bits = (reader.u8(10) & 0x7f) + 1;
          }
          facts.palette = facts.palette || inner == "pclr";
          if (inner == "colr" && facts.color_space == 0 && reader.u8(0) == 1) {
            facts.color_space = reader.u32(3);
          }
          return false;
        });
      }
      if (type != "jp2c") return false;
      if (facts.width == 0 || facts.height == 0) damaged("its header is missing");
      read_codestream(content, &facts);
      return true;
    });
    if (!found) throw Error(ErrorCode::kCorrupt, "it is cut short: it holds no codestream");
  }
  if (facts.components == 0 || facts.components > 4) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("it has {} channels, which is not supported; save it as a PNG",
                            facts.components));
  }
  return facts;
}

bool matches(std::string_view bytes) {
  return bytes.substr(0, kCodestream.size()) == kCodestream ||
         bytes.substr(0, kBoxes.size()) == kBoxes;
}

ImageHeader read_header(std::string_view bytes) {
  const Facts facts = facts_of(bytes);
  ImageHeader header;
  header.width = facts.width;
  header.height = facts.height;
  const std::uint64_t coded = facts.palette ? 4 : facts.components;
  header.decode_bytes = facts.width * facts.height * 4 * (coded + 1);
  return header;
}

// A sample in `bits` bits, as Pillow scales it: by shifting, to the nearest where bits are lost.
// Its whitest samples become black then, which these do not.
int scaled(std::int64_t sample, const Jpeg2000Component& component, int bits) {
  if (component.is_signed) sample += std::int64_t{1} << (component.bits - 1);
  const int shift = bits - static_cast<int>(component.bits);
  const std::int64_t most = (1 << bits) - 1;
  if (shift < 0) sample = (sample + (std::int64_t{1} << (-shift - 1))) >> -shift;
  if (shift > 0) sample *= std::int64_t{1} << shift;
  return static_cast<int>(std::clamp<std::int64_t>(sample, 0, most));
}

class Pixels {
 public:
  Pixels(const Facts& facts, PixelBuffer* buffer) : facts_(facts), buffer_(buffer) {}

  void take(const std::vector<Jpeg2000Component>& components) {
    choose_mode(components.size());
    const bool ycc = is_ycc(components);
    const std::size_t size = image_.mode == PixelMode::kInteger ? 2 : 1;
    const auto width = static_cast<std::size_t>(image_.width);
    image_.stride = static_cast<std::ptrdiff_t>(width * size) * image_.channels;
    pixels_ = buffer_->take(static_cast<std::size_t>(image_.stride * image_.height));
    for (std::int64_t y = 0; y < image_.height; ++y) {
      std::uint8_t* row = pixels_.get() + y * image_.stride;
      for (std::size_t i = 0; i < components.size(); ++i) {
        put_row(components[i], static_cast<std::uint64_t>(y), i, row);
      }
      if (image_.mode == PixelMode::kGrayAlpha) spread_gray(row, width);
      if (ycc) {
        ycbcr_to_rgb(row, width, static_cast<std::size_t>(image_.channels));
      }
    }
    image_.data = pixels_.get();
    image_.owner = pixels_;
  }

  const Image& image() const { return image_; }

 private:
  // Codestreams do not tell, but components that are smaller than the first are chroma.
  bool is_ycc(const std::vector<Jpeg2000Component>& components) const {
    if (components.size() < 3) return false;
    const bool smaller = components.size() == 3 && components[0].dx == 1 && components[0].dy == 1 &&
                         components[1].dx > 1;
    return smaller || facts_.color_space == kSyccSpace;
  }

  void choose_mode(std::size_t components) {
    image_.width = static_cast<std::int64_t>(facts_.width);
    image_.height = static_cast<std::int64_t>(facts_.height);
    image_.channels = components == 1 ? 1 : components == 3 ? 3 : 4;
    switch (components) {
      case 1:
        // Pillow takes up to 9 bits for gray.
        image_.mode = facts_.bits > 9 ? PixelMode::kInteger : PixelMode::kGray;
        break;
      case 2:
        image_.mode = PixelMode::kGrayAlpha;
        break;
      case 3:
        image_.mode = PixelMode::kRgb;
        break;
      case 4:
        image_.mode = PixelMode::kRgba;
        if (facts_.color_space == kCmykSpace) {
          image_.mode = PixelMode::kBands;
          image_.to_rgb = cmyk_to_rgb;
        }
        break;
      default:
        throw Error(ErrorCode::kUnsupported, "its palette has more than four channels");
    }
  }

  void put_row(const Jpeg2000Component& component, std::uint64_t y, std::size_t channel,
               std::uint8_t* row) const {
    const bool wide = image_.mode == PixelMode::kInteger;
    // Alpha behind gray comes last, behind the gray that is spread.
    if (image_.mode == PixelMode::kGrayAlpha && channel == 1) channel = 3;
    const std::int32_t* from =
        component.samples + std::min(y / component.dy, component.height - 1) * component.width;
    const auto channels = static_cast<std::size_t>(image_.channels);
    for (std::uint64_t x = 0; x < facts_.width; ++x) {
      const std::int32_t sample = from[std::min(x / component.dx, component.width - 1)];
      if (wide) {
        const auto value = static_cast<std::uint16_t>(scaled(sample, component, 16));
        reinterpret_cast<std::uint16_t*>(row)[x] = value;
      } else {
        row[x * channels + channel] = static_cast<std::uint8_t>(scaled(sample, component, 8));
      }
    }
  }

  static void spread_gray(std::uint8_t* row, std::size_t count) {
    for (std::size_t x = 0; x < count; ++x, row += 4) row[1] = row[2] = row[0];
  }

  const Facts& facts_;
  PixelBuffer* buffer_;
  std::shared_ptr<std::uint8_t> pixels_;
  Image image_;
};

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&,
             PixelBuffer* buffer) {
  const Facts facts = facts_of(bytes);
  Jpeg2000Request request;
  request.bytes = bytes;
  request.boxed = facts.boxed;
  request.apply_palette = facts.palette;
  request.width = facts.width;
  request.height = facts.height;
  Pixels pixels(facts, buffer);
  openjpeg()(request,
             [&](const std::vector<Jpeg2000Component>& components) { pixels.take(components); });
  return pixels.image();
}

}  // namespace

const ImageFormat kJpeg2000Format = {"JPEG 2000", "jp2 j2k jpc jpf jpx j2c", matches, read_header,
                                     decode};

}  // namespace clip
