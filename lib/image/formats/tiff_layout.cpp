#include "image/formats/tiff_layout.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace clip {
namespace {

enum Tag : std::uint32_t {
  kWidth = 256,
  kHeight = 257,
  kBitsPerSample = 258,
  kCompression = 259,
  kPhotometric = 262,
  kFillOrder = 266,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kPlanarConfiguration = 284,
  kColorMap = 320,
  kTileWidth = 322,
  kTileLength = 323,
  kTileOffsets = 324,
  kExtraSamples = 338,
  kSampleFormat = 339,
};

enum Photometric : std::uint64_t {
  kWhiteIsZero = 0,
  kBlackIsZero = 1,
  kRgbColor = 2,
  kPaletteColor = 3,
  kSeparated = 5,
  kYcbcrColor = 6,
  kLabColor = 8,
};

enum ExtraSample : std::uint64_t {
  kUnspecified = 0,
  kAssociatedAlpha = 1,
  kUnassociatedAlpha = 2,
  kCorelAlpha = 999,  // Corel Draw 10 writes it, and means alpha
};

constexpr std::uint64_t kMaxSamples = 32;

[[noreturn]] void damaged(const char* what) {
  throw Error(ErrorCode::kCorrupt, std::string("it is damaged: ") + what);
}

[[noreturn]] void unsupported(const std::string& what) {
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{}, which is not supported; save it as a PNG", what));
}

// Bytes of a value of each integer type; 0: of another type.
int integer_size(std::uint32_t type, bool big) {
  switch (type) {
    case 1:  // BYTE, SBYTE
    case 6:
      return 1;
    case 3:  // SHORT, SSHORT
    case 8:
      return 2;
    case 4:  // LONG, SLONG, IFD
    case 9:
    case 13:
      return 4;
    case 16:  // LONG8, SLONG8, IFD8, of BigTIFF
    case 17:
    case 18:
      return big ? 8 : 0;
    default:
      return 0;
  }
}

class Directory {
 public:
  Directory(const ByteReader& reader, bool big) : reader_(reader), big_(big) {
    at_ = big ? reader.u64(8) : reader.u32(4);
    entries_ = big ? reader.u64(at_) : reader.u16(at_);
    const std::uint64_t around = big ? 8 : 2;
    // Entries that the file does not hold are not there, as in Pillow; what the image needs of them
    // is missed below.
    entries_ = std::min(entries_, (reader.size() - at_ - around) / entry_size());
    at_ += around;
  }

  // Empty where there is none.
  TiffField find(Tag tag) const {
    for (std::uint64_t i = 0; i < entries_; ++i) {
      const std::uint64_t entry = at_ + i * entry_size();
      if (reader_.u16(entry) != tag) continue;
      const int size = integer_size(reader_.u16(entry + 2), big_);
      const std::uint64_t count = big_ ? reader_.u64(entry + 4) : reader_.u32(entry + 4);
      if (size == 0 || count == 0) damaged("a field of its directory has no value");
      if (count > reader_.size()) throw Error(ErrorCode::kCorrupt, "it is cut short");
      const std::uint64_t bytes = count * static_cast<std::uint64_t>(size);
      const std::uint64_t inside = entry + (big_ ? 12 : 8);
      std::uint64_t values = inside;
      if (bytes > (big_ ? 8 : 4)) values = big_ ? reader_.u64(inside) : reader_.u32(inside);
      reader_.view(values, bytes);
      return {reader_, values, count, size};
    }
    return {};
  }

  std::uint64_t first(Tag tag, std::optional<std::uint64_t> otherwise = std::nullopt) const {
    const TiffField field = find(tag);
    if (field.count() > 0) return field[0];
    if (!otherwise) damaged("a field that its kind needs is missing");
    return *otherwise;
  }

  std::vector<std::uint64_t> all(Tag tag) const {
    const TiffField field = find(tag);
    std::vector<std::uint64_t> values;
    for (std::uint64_t i = 0; i < std::min(field.count(), kMaxSamples); ++i) {
      values.push_back(field[i]);
    }
    return values;
  }

 private:
  std::uint64_t entry_size() const { return big_ ? 20 : 12; }

  const ByteReader& reader_;
  bool big_;
  std::uint64_t at_ = 0, entries_ = 0;
};

// All samples have as many bits.
std::uint32_t bits_of(const Directory& directory, std::uint32_t samples) {
  std::vector<std::uint64_t> bits = directory.all(kBitsPerSample);
  if (bits.empty()) bits = {1};
  if (bits.size() > samples) bits.resize(samples);
  if (bits.size() != 1 && bits.size() != samples) {
    damaged("its samples and their bits differ in number");
  }
  for (const std::uint64_t sample : bits) {
    if (sample != bits[0]) unsupported("its samples differ in their number of bits");
  }
  if (bits[0] == 0 || bits[0] > 64) damaged("its samples have an impossible number of bits");
  return static_cast<std::uint32_t>(bits[0]);
}

void check_format(const Directory& directory, std::uint32_t bits) {
  for (const std::uint64_t format : directory.all(kSampleFormat)) {
    const char* name = format == 1   ? nullptr
                       : format == 2 ? "signed"
                       : format == 3 ? "floating-point"
                                     : "untyped";
    if (name == nullptr) continue;
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("its samples are {}-bit {} numbers, of which nobody knows what is black "
                    "and what is white; scale them to 8 bits",
                    bits, name));
  }
  if (bits > 16) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its samples have {} bits; scale them to 8 bits", bits));
  }
}

void take_rgb(const std::vector<std::uint64_t>& extra, TiffLayout* layout) {
  layout->color = TiffColor::kRgb;
  if (layout->samples == 3 && extra.empty()) return;
  const bool announced = layout->samples == 3 + extra.size();
  if (!announced && !(layout->samples == 4 && extra.empty())) {
    unsupported("its channels are unknown");
  }
  const std::uint64_t first = extra.empty() ? kUnassociatedAlpha : extra[0];
  if (first == kUnspecified) return;
  if (first != kAssociatedAlpha && first != kUnassociatedAlpha && first != kCorelAlpha) {
    unsupported("its channels are unknown");
  }
  layout->color = TiffColor::kRgba;
  layout->premultiplied = first == kAssociatedAlpha;
}

// With one sample a pixel, or with alpha, too.
TiffColor one_channel(TiffColor plain, TiffColor with_alpha, const TiffLayout& layout,
                      const std::vector<std::uint64_t>& extra) {
  if (layout.samples == 1 && extra.empty()) return plain;
  if (layout.samples != 2 || extra.size() != 1 || extra[0] != kUnassociatedAlpha) {
    unsupported("its channels are unknown");
  }
  return with_alpha;
}

void take_color(const Directory& directory, std::uint64_t photometric, TiffLayout* layout) {
  const std::vector<std::uint64_t> extra = directory.all(kExtraSamples);
  switch (photometric) {
    case kWhiteIsZero:
    case kBlackIsZero:
      layout->white_is_zero = photometric == kWhiteIsZero;
      layout->color = one_channel(TiffColor::kGray, TiffColor::kGrayAlpha, *layout, extra);
      break;
    case kRgbColor:
      take_rgb(extra, layout);
      break;
    case kPaletteColor:
      layout->color = one_channel(TiffColor::kPalette, TiffColor::kPaletteAlpha, *layout, extra);
      layout->color_map = directory.find(kColorMap);
      if (layout->color_map.count() == 0) damaged("its palette is missing");
      break;
    case kSeparated:
      layout->color = TiffColor::kCmyk;
      if (layout->samples != 4 + extra.size()) unsupported("its inks are not those of CMYK");
      break;
    case kYcbcrColor:
    case kLabColor:
      layout->color = photometric == kLabColor ? TiffColor::kLab : TiffColor::kYcbcr;
      if (layout->samples != 3 || !extra.empty()) unsupported("its channels are unknown");
      break;
    default:
      unsupported(fmt::format("its colours are of kind {}", photometric));
  }
}

// The numbers of bits that each kind can have.
bool has_known_bits(const TiffLayout& layout) {
  const std::uint32_t bits = layout.bits;
  switch (layout.color) {
    case TiffColor::kGray:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 12 || bits == 16;
    case TiffColor::kPalette:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8;
    case TiffColor::kGrayAlpha:
    case TiffColor::kPaletteAlpha:
    case TiffColor::kLab:
    case TiffColor::kYcbcr:
      return bits == 8;
    case TiffColor::kRgb:
    case TiffColor::kRgba:
    case TiffColor::kCmyk:
      return bits == 8 || bits == 16;
  }
  return false;
}

void take_parts(const Directory& directory, TiffLayout* layout) {
  layout->part_offsets = directory.find(kStripOffsets);
  layout->tiled = layout->part_offsets.count() == 0;
  if (layout->tiled) {
    layout->part_offsets = directory.find(kTileOffsets);
    layout->part_width = directory.first(kTileWidth);
    layout->part_height = directory.first(kTileLength);
  } else {
    layout->part_width = layout->width;
    layout->part_height = std::min(directory.first(kRowsPerStrip, layout->height), layout->height);
  }
  // The largest that libtiff takes, so that products stay far from the end of their type.
  constexpr std::uint64_t kMaxSide = 0x7fffffff;
  if (layout->part_width == 0 || layout->part_height == 0 || layout->part_width > kMaxSide ||
      layout->part_height > kMaxSide) {
    damaged("its tiles or strips have no size");
  }
}

}  // namespace

std::uint64_t TiffField::operator[](std::uint64_t index) const {
  const std::uint64_t at = values_ + index * static_cast<std::uint64_t>(size_);
  switch (size_) {
    case 1:
      return reader_.u8(at);
    case 2:
      return reader_.u16(at);
    case 4:
      return reader_.u32(at);
    default:
      return reader_.u64(at);
  }
}

TiffLayout tiff_layout(std::string_view bytes) {
  TiffLayout layout;
  layout.big_endian = bytes[0] == 'M';
  const ByteReader reader(bytes, layout.big_endian);
  const Directory directory(reader, /*big=*/reader.u16(2) == 43);
  layout.width = directory.first(kWidth);
  layout.height = directory.first(kHeight);
  if (layout.width == 0 || layout.height == 0) damaged("it says that it has no pixels");
  const std::uint64_t orientation = directory.first(kOrientation, 1);
  if (orientation >= 1 && orientation <= 8) layout.orientation = static_cast<int>(orientation);
  layout.compression = directory.first(kCompression, kTiffNoCompression);
  const bool old_jpeg = layout.compression == kTiffOldJpeg;  // which is YCbCr, whatever it says
  const std::uint64_t photometric =
      old_jpeg ? kYcbcrColor : directory.first(kPhotometric, kWhiteIsZero);
  const std::uint64_t samples = directory.first(kSamplesPerPixel, old_jpeg ? 3 : 1);
  if (samples == 0) damaged("its pixels have no samples");
  if (samples > kMaxSamples) unsupported(fmt::format("it has {} channels", samples));
  layout.samples = static_cast<std::uint32_t>(samples);
  layout.bits = bits_of(directory, layout.samples);
  check_format(directory, layout.bits);
  take_color(directory, photometric, &layout);
  if (!has_known_bits(layout)) {
    unsupported(
        fmt::format("its colours are of kind {} with {} bits a sample", photometric, layout.bits));
  }
  layout.reversed_bits = directory.first(kFillOrder, 1) == 2;
  layout.planar = directory.first(kPlanarConfiguration, 1) == 2 && layout.samples > 1;
  take_parts(directory, &layout);
  return layout;
}

}  // namespace clip
