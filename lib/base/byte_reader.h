// Reads numbers from bytes in memory, in either byte order, never outside them: every length and
// offset in a file is a claim to be checked.
#pragma once

#include <cstdint>
#include <string_view>

#include "clip/error.h"

namespace clip {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes, bool big_endian = true)
      : bytes_(bytes), big_endian_(big_endian) {}

  std::uint64_t size() const { return bytes_.size(); }
  bool holds(std::uint64_t offset, std::uint64_t count) const {
    return offset <= bytes_.size() && count <= bytes_.size() - offset;
  }
  bool starts_with(std::uint64_t offset, std::string_view text) const {
    return holds(offset, text.size()) && bytes_.substr(offset, text.size()) == text;
  }

  // Throw Error (kCorrupt) when the bytes end before.
  std::uint32_t u8(std::uint64_t offset) const { return number<std::uint32_t>(offset, 1); }
  std::uint32_t u16(std::uint64_t offset) const { return number<std::uint32_t>(offset, 2); }
  std::uint32_t u32(std::uint64_t offset) const { return number<std::uint32_t>(offset, 4); }
  std::uint64_t u64(std::uint64_t offset) const { return number<std::uint64_t>(offset, 8); }
  std::string_view view(std::uint64_t offset, std::uint64_t count) const {
    if (!holds(offset, count)) throw Error(ErrorCode::kCorrupt, "it is cut short");
    return bytes_.substr(offset, count);
  }

 private:
  template <typename Number>
  Number number(std::uint64_t offset, int bytes) const {
    Number value = 0;
    const std::string_view digits = view(offset, static_cast<std::uint64_t>(bytes));
    for (int i = 0; i < bytes; ++i) {
      const auto digit = static_cast<std::uint8_t>(digits[big_endian_ ? i : bytes - 1 - i]);
      value = value << 8 | digit;
    }
    return value;
  }

  std::string_view bytes_;
  bool big_endian_;
};

}  // namespace clip
