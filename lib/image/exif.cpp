#include "image/exif.h"

#include <cstring>

#include "base/byte_reader.h"

namespace clip {
namespace {

// TIFF 6.0, section 2, and the types that BigTIFF added.
enum Type : std::uint32_t {
  kByte = 1,
  kAscii,
  kShort,
  kLong,
  kRational,
  kSignedByte,
  kUndefined,
  kSignedShort,
  kSignedLong,
  kSignedRational,
  kFloat,
  kDouble,
  kDirectory,
  kLong8 = 16,
};

// In bytes; 0 for a type that is unknown.
std::uint64_t size_of(std::uint32_t type) {
  switch (type) {
    case kByte:
    case kAscii:
    case kSignedByte:
    case kUndefined:
      return 1;
    case kShort:
    case kSignedShort:
      return 2;
    case kLong:
    case kSignedLong:
    case kFloat:
    case kDirectory:
      return 4;
    case kRational:
    case kSignedRational:
    case kDouble:
    case kLong8:
      return 8;
    default:
      return 0;
  }
}

template <typename To, typename From>
double as(From bits) {
  static_assert(sizeof(To) == sizeof(From));
  To value;
  std::memcpy(&value, &bits, sizeof value);
  return static_cast<double>(value);
}

// A number of any type at `at`. Bytes, texts and undefined values are none: Pillow has them as
// strings, which no orientation equals.
double number(const ByteReader& reader, std::uint32_t type, std::uint64_t at) {
  switch (type) {
    case kShort:
      return reader.u16(at);
    case kLong:
    case kDirectory:
      return reader.u32(at);
    case kLong8:
      return static_cast<double>(reader.u64(at));
    case kSignedByte:
      return as<std::int8_t>(static_cast<std::uint8_t>(reader.u8(at)));
    case kSignedShort:
      return as<std::int16_t>(static_cast<std::uint16_t>(reader.u16(at)));
    case kSignedLong:
      return as<std::int32_t>(reader.u32(at));
    case kRational:
      return reader.u32(at + 4) == 0 ? 0 : reader.u32(at) / double(reader.u32(at + 4));
    case kSignedRational: {
      const double denominator = as<std::int32_t>(reader.u32(at + 4));
      return denominator == 0 ? 0 : as<std::int32_t>(reader.u32(at)) / denominator;
    }
    case kFloat:
      return as<float>(reader.u32(at));
    case kDouble:
      return as<double>(reader.u64(at));
    default:
      return 0;
  }
}

int as_orientation(double value) {
  for (int orientation = 2; orientation <= 8; ++orientation) {
    if (value == orientation) return orientation;
  }
  return 1;
}

}  // namespace

std::optional<int> find_exif_orientation(std::string_view exif) {
  constexpr std::uint32_t kOrientation = 0x0112;
  const std::string_view prefix("Exif\0\0", 6);
  if (exif.substr(0, prefix.size()) == prefix) exif.remove_prefix(prefix.size());
  const std::string_view magic = exif.substr(0, 4);
  const bool big_endian = magic.substr(0, 2) == "MM";
  // Each way to write 42, and what Pillow takes a big-endian BigTIFF for.
  if (magic != std::string_view("II\x2a\0", 4) && magic != std::string_view("MM\0\x2a", 4) &&
      magic != std::string_view("II\0\x2a", 4) && magic != std::string_view("MM\x2a\0", 4) &&
      magic != std::string_view("MM\0\x2b", 4)) {
    return std::nullopt;
  }
  std::optional<int> orientation;
  try {
    const ByteReader reader(exif, big_endian);
    const std::uint64_t directory = reader.u32(4);
    const std::uint32_t entries = reader.u16(directory);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::uint64_t entry = directory + 2 + 12 * std::uint64_t{i};
      reader.view(entry, 12);
      const std::uint32_t type = reader.u16(entry + 2);
      const std::uint64_t size = size_of(type) * reader.u32(entry + 4);
      if (size == 0) continue;
      const std::uint64_t at = size <= 4 ? entry + 8 : reader.u32(entry + 8);
      reader.view(at, size);
      // The last one of several counts, and of several values the first.
      if (reader.u16(entry) == kOrientation) {
        orientation = as_orientation(number(reader, type, at));
      }
    }
  } catch (const Error&) {
    // Cut short: what stands before counts.
  }
  return orientation;
}

int exif_orientation(std::string_view exif) {
  return find_exif_orientation(exif).value_or(1);
}

std::optional<int> find_xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (std::size_t at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at)) {
    at += kName.size();
    std::string_view rest = xmp.substr(at);
    if (rest.substr(0, 2) == "=\"") {
      rest.remove_prefix(2);
    } else if (rest.substr(0, 1) == ">") {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return as_orientation(rest[0] - '0');
  }
  return std::nullopt;
}

}  // namespace clip
