#include "image/iso_box.h"

#include <algorithm>

#include "base/byte_reader.h"

namespace clip {

std::optional<IsoBox> iso_box_at(std::string_view bytes, std::uint64_t at) {
  const ByteReader reader(bytes);
  std::uint64_t length = reader.u32(at), header = 8;
  if (length == 1) {
    length = reader.u64(at + 8);
    header = 16;
  }
  const std::uint64_t left = bytes.size() - at;
  if (length == 0) length = left;  // up to the end
  if (length < header) return std::nullopt;
  const std::string_view box = bytes.substr(at, std::min(length, left));
  return IsoBox{box.substr(4, 4), box.substr(header), length, length <= left};
}

}  // namespace clip
