#include "image/exif.h"

#include "base/byte_reader.h"

namespace clip {

int exif_orientation(std::string_view exif) {
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3;
  // Some writers keep JPEG's prefix in front where none belongs.
  const std::string_view prefix("Exif\0\0", 6);
  if (exif.substr(0, prefix.size()) == prefix) exif.remove_prefix(prefix.size());
  try {
    const bool big_endian = exif.substr(0, 2) == "MM";
    if (!big_endian && exif.substr(0, 2) != "II") return 1;
    const ByteReader reader(exif, big_endian);
    const std::uint64_t directory = reader.u32(4);
    const std::uint32_t entries = reader.u16(directory);
    for (std::uint32_t i = 0; i < entries; ++i) {
      const std::uint64_t entry = directory + 2 + 12 * std::uint64_t{i};
      if (reader.u16(entry) != kOrientation || reader.u16(entry + 2) != kShort) continue;
      const std::uint32_t value = reader.u16(entry + 8);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
  } catch (const Error&) {
    // Cut short: nothing is known.
  }
  return 1;
}

}  // namespace clip
