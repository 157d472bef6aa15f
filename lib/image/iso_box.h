// Boxes, which HEIC, AVIF and JP2 files are made of: ISO/IEC 14496-12, 4.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace clip {

struct IsoBox {
  std::string_view type;
  std::string_view content;  // as much of it as there is
  std::uint64_t length;      // bytes, with the header, as it says itself
  bool whole;                // all of it is there
};

// The box that begins at `at`, of which 8 bytes at least are there; nothing for one that is shorter
// than its own header. Throws Error (kCorrupt) where a long header is cut short.
std::optional<IsoBox> iso_box_at(std::string_view bytes, std::uint64_t at);

}  // namespace clip
