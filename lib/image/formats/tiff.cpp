// TIFF: Adobe's specification, revision 6.0. Reads the first directory, and checks that every strip
// or tile lies in the file.
#include <array>
#include <optional>

#include "base/byte_reader.h"
#include "image/formats/formats.h"
#include "image/formats/opencv_decode.h"

namespace clip {
namespace {

enum Tag : std::uint32_t {
  kWidth = 256,
  kHeight = 257,
  kBitsPerSample = 258,
  kPhotometric = 262,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamplesPerPixel = 277,
  kStripByteCounts = 279,
  kTileOffsets = 324,
  kTileByteCounts = 325,
};

enum Photometric : std::uint32_t {
  kWhiteIsZero = 0,
  kBlackIsZero = 1,
  kPaletteColor = 3,
  kSeparated = 5
};

struct Field {
  std::uint64_t values = 0;  // where they stand
  std::uint32_t count = 0, size = 0;
};

class Directory {
 public:
  Directory(const ByteReader& reader, std::uint64_t at) : reader_(reader) {
    const std::uint32_t entries = reader.u16(at);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::uint64_t entry = at + 2 + 12 * std::uint64_t{i};
      const std::uint32_t tag = reader.u16(entry);
      const auto place = index_of(tag);
      if (!place) continue;
      Field field;
      const std::uint32_t type = reader.u16(entry + 2);
      field.size = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : 0;
      field.count = reader.u32(entry + 4);
      if (field.size == 0 || field.count == 0)
        throw Error(ErrorCode::kCorrupt, "it is damaged: a field has no value");
      const std::uint64_t bytes = std::uint64_t{field.size} * field.count;
      field.values = bytes <= 4 ? entry + 8 : reader.u32(entry + 8);
      reader.view(field.values, bytes);
      fields_[*place] = field;
    }
  }

  const Field* find(Tag tag) const {
    const Field& field = fields_[*index_of(tag)];
    return field.count == 0 ? nullptr : &field;
  }

  std::uint32_t value(const Field& field, std::uint32_t index) const {
    const std::uint64_t at = field.values + std::uint64_t{index} * field.size;
    return field.size == 1 ? reader_.u8(at) : field.size == 2 ? reader_.u16(at) : reader_.u32(at);
  }

  std::uint32_t first(Tag tag, std::optional<std::uint32_t> otherwise) const {
    const Field* field = find(tag);
    if (field != nullptr) return value(*field, 0);
    if (!otherwise)
      throw Error(ErrorCode::kCorrupt, "it is damaged: a field that every TIFF has is missing");
    return *otherwise;
  }

 private:
  static constexpr std::array<std::uint32_t, 10> kTags = {
      kWidth,       kHeight,          kBitsPerSample,   kPhotometric, kStripOffsets,
      kOrientation, kSamplesPerPixel, kStripByteCounts, kTileOffsets, kTileByteCounts};

  static std::optional<std::size_t> index_of(std::uint32_t tag) {
    for (std::size_t i = 0; i < kTags.size(); ++i) {
      if (kTags[i] == tag) return i;
    }
    return std::nullopt;
  }

  const ByteReader& reader_;
  std::array<Field, kTags.size()> fields_;
};

void check_parts(const ByteReader& reader, const Directory& directory, Tag offsets, Tag counts) {
  const Field* offset = directory.find(offsets);
  const Field* count = directory.find(counts);
  if (offset == nullptr) return;
  for (std::uint32_t i = 0; i < offset->count; ++i) {
    const std::uint64_t size =
        count != nullptr && i < count->count ? directory.value(*count, i) : 1;
    reader.view(directory.value(*offset, i), size);
  }
}

PixelMode mode_of(const Directory& directory) {
  const std::uint32_t bits = directory.first(kBitsPerSample, 1);
  const std::uint32_t samples = directory.first(kSamplesPerPixel, 1);
  switch (directory.first(kPhotometric, kBlackIsZero)) {
    case kPaletteColor:
      return PixelMode::kPalette;
    case kSeparated:
      return PixelMode::kBands;
    case kWhiteIsZero:
    case kBlackIsZero:
      if (samples == 2) return PixelMode::kGrayAlpha;
      return bits == 1 ? PixelMode::kBilevel : bits > 8 ? PixelMode::kInteger : PixelMode::kGray;
    default:
      return samples == 4 ? PixelMode::kRgba : PixelMode::kRgb;
  }
}

struct Facts {
  ImageHeader header;
  PixelMode mode;
  std::uint64_t orientation_offset;
};

Facts facts_of(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/bytes[0] == 'M');
  const Directory directory(reader, reader.u32(4));
  ImageHeader header;
  header.always_upright = true;
  PixelMode mode = PixelMode::kRgb;
  std::uint64_t orientation_offset = 0;
  header.width = directory.first(kWidth, std::nullopt);
  header.height = directory.first(kHeight, std::nullopt);
  mode = mode_of(directory);
  if (const Field* field = directory.find(kOrientation)) {
    const std::uint32_t value = directory.value(*field, 0);
    if (value >= 1 && value <= 8) header.orientation = static_cast<int>(value);
    orientation_offset = field->values;
  }
  check_parts(reader, directory, kStripOffsets, kStripByteCounts);
  check_parts(reader, directory, kTileOffsets, kTileByteCounts);
  return {header, mode, orientation_offset};
}

bool matches(std::string_view bytes) {
  const ByteReader reader(bytes);
  return reader.starts_with(0, std::string_view("II\x2a\0", 4)) ||
         reader.starts_with(0, std::string_view("MM\0\x2a", 4));
}

ImageHeader read_header(std::string_view bytes) {
  return facts_of(bytes).header;
}

// libtiff turns images by itself, whatever OpenCV is asked for: it is told that this one is
// upright already.
std::string as_upright_tiff(std::string_view bytes, std::uint64_t orientation_offset) {
  std::string copy(bytes);
  const bool big_endian = copy[0] == 'M';
  copy[orientation_offset] = big_endian ? 0 : 1;
  copy[orientation_offset + 1] = big_endian ? 1 : 0;
  return copy;
}

Image decode(std::string_view bytes, const ImageHeader&, const DecodeOptions&, PixelBuffer*) {
  const Facts facts = facts_of(bytes);
  if (facts.orientation_offset == 0) return decode_by_opencv(bytes, facts.mode, "TIFF");
  return decode_by_opencv(as_upright_tiff(bytes, facts.orientation_offset), facts.mode, "TIFF");
}

}  // namespace

const ImageFormat kTiffFormat = {"TIFF", "tif tiff", matches, read_header, decode};

}  // namespace clip
