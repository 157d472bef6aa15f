// Reads numbers from a file in memory, in either byte order, never outside it: every length and
// offset in a picture is a claim.
#pragma once

#include <cstdint>
#include <string_view>

#include "error.h"

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

  // Throw Error when the file ends before.
  std::uint32_t u8(std::uint64_t offset) const { return number(offset, 1); }
  std::uint32_t u16(std::uint64_t offset) const { return number(offset, 2); }
  std::uint32_t u32(std::uint64_t offset) const { return number(offset, 4); }
  std::string_view view(std::uint64_t offset, std::uint64_t count) const {
    if (!holds(offset, count)) throw Error("it is cut short");
    return bytes_.substr(offset, count);
  }

 private:
  std::uint32_t number(std::uint64_t offset, int bytes) const {
    std::uint32_t value = 0;
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
