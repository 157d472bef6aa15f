// TIFF: Adobe's specification, revision 6.0. What is not compressed is read here, all else by
// libtiff, in a module.
#include <algorithm>
#include <array>

#include "base/module.h"
#include "image/formats/formats.h"
#include "image/formats/tiff_layout.h"
#include "image/formats/tiff_pixels.h"
#include "image/modules/entry.h"

extern "C" const clip::EmbeddedFile clip_tiff_module[], clip_lab_module[];

namespace clip {
namespace {

// Loaded by the first call; one that fails is tried again by the next.
TiffEntry libtiff() {
  static const auto entry =
      Module(clip_tiff_module[0], "a compressed TIFF needs libtiff", "libtiff6")
          .symbol<TiffEntry>(kTiffEntry);
  return entry;
}

LabEntry little_cms() {
  static const auto entry =
      Module(clip_lab_module[0], "a TIFF in CIE L*a*b* needs Little CMS", "liblcms2-2")
          .symbol<LabEntry>(kLabEntry);
  return entry;
}

constexpr bool is_little_endian() {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return false;
#else
  return true;
#endif
}

bool matches(std::string_view bytes) {
  // The two of 42 in the wrong order are found, too, and Pillow reads them.
  for (const std::string_view start :
       {std::string_view("II\x2a\0", 4), std::string_view("MM\0\x2a", 4),
        std::string_view("II\x2b\0", 4), std::string_view("MM\0\x2b", 4),
        std::string_view("II\0\x2a", 4), std::string_view("MM\x2a\0", 4)}) {
    if (bytes.substr(0, 4) == start) return true;
  }
  return false;
}

std::uint8_t reversed(std::uint8_t byte) {
  std::uint8_t other = 0;
  for (int bit = 0; bit < 8; ++bit)
    other = static_cast<std::uint8_t>(other << 1 | (byte >> bit & 1));
  return other;
}

// YCbCr may be subsampled, which libtiff knows how to undo.
bool is_plain(const TiffLayout& layout) {
  return layout.compression == kTiffNoCompression && layout.color != TiffColor::kYcbcr;
}

// Strips and tiles that are not compressed, where they lie in the file.
class PlainParts {
 public:
  PlainParts(std::string_view bytes, const TiffLayout& layout) : bytes_(bytes), layout_(layout) {
    const std::uint64_t across = layout.parts_across(), down = layout.parts_down();
    if (layout.part_offsets.count() / across / down < layout.planes()) {
      throw Error(ErrorCode::kCorrupt, "it is damaged: some of its strips or tiles are missing");
    }
  }

  template <typename Put>
  void read(const Put& put) {
    TiffPart part;
    part.samples = layout_.planar ? 1 : layout_.samples;
    part.stride = layout_.row_bytes();
    std::uint64_t index = 0;
    for (part.plane = 0; part.plane < layout_.planes(); ++part.plane) {
      for (part.y = 0; part.y < layout_.height; part.y += layout_.part_height) {
        for (part.x = 0; part.x < layout_.width; part.x += layout_.part_width) {
          part.columns = std::min(layout_.part_width, layout_.width - part.x);
          part.rows = std::min(layout_.part_height, layout_.height - part.y);
          part.data = data(layout_.part_offsets[index++], part);
          put(part);
        }
      }
    }
  }

 private:
  const std::uint8_t* data(std::uint64_t offset, const TiffPart& part) {
    const std::uint64_t last = (part.columns * layout_.bits * part.samples + 7) / 8;
    const std::string_view found =
        ByteReader(bytes_).view(offset, (part.rows - 1) * part.stride + last);
    if (!layout_.reversed_bits) return reinterpret_cast<const std::uint8_t*>(found.data());
    static const std::array<std::uint8_t, 256> other = [] {
      std::array<std::uint8_t, 256> table{};
      for (std::size_t i = 0; i < table.size(); ++i) {
        table[i] = reversed(static_cast<std::uint8_t>(i));
      }
      return table;
    }();
    turned_.clear();
    for (const char byte : found) turned_.push_back(other[static_cast<std::uint8_t>(byte)]);
    return turned_.data();
  }

  std::string_view bytes_;
  const TiffLayout& layout_;
  std::vector<std::uint8_t> turned_;
};

ImageHeader read_header(std::string_view bytes) {
  const TiffLayout layout = tiff_layout(bytes);
  ImageHeader header;
  header.width = layout.width;
  header.height = layout.height;
  header.orientation = layout.orientation;
  header.always_upright = true;
  // Not of a size that is refused anyway.
  constexpr std::uint64_t kMaxSide = 1 << 24;
  if (layout.width <= kMaxSide && layout.height <= kMaxSide) {
    const std::uint64_t planes = layout.planar ? layout.samples * layout.bits / 8 : 0;
    header.decode_bytes = layout.width * layout.height * (4 + planes);
    if (!is_plain(layout)) header.decode_bytes += layout.row_bytes() * layout.part_height;
    if (layout.color == TiffColor::kYcbcr) {
      header.decode_bytes += 8 * layout.width * std::min(layout.part_height, layout.height);
    }
  }
  return header;
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions& options,
             PixelBuffer* buffer) {
  const TiffLayout layout = tiff_layout(bytes);
  const LabEntry lab_to_rgb = layout.color == TiffColor::kLab ? little_cms() : nullptr;
  if (is_plain(layout)) {
    PlainParts parts(bytes, layout);
    TiffPixels pixels(layout, !layout.big_endian, buffer);
    parts.read([&](const TiffPart& part) { pixels.put(part); });
    return pixels.image(lab_to_rgb);
  }
  // A tile may be larger than the image, but not without bound.
  if (layout.part_width > options.max_pixels / layout.part_height) {
    throw Error(ErrorCode::kLimit, "its tiles have more pixels than an image may have",
                Hint::kRaisePixelLimit);
  }
  const TiffEntry read = libtiff();
  TiffPixels pixels(layout, is_little_endian(), buffer);
  read(bytes, layout, [&](const TiffPart& part) { pixels.put(part); });
  return pixels.image(lab_to_rgb);
}

}  // namespace

const ImageFormat kTiffFormat = {"TIFF", "tif tiff", matches, read_header, decode};

}  // namespace clip
