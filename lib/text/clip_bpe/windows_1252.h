// The characters of Windows-1252's bytes 0x80 to 0x9F, which much text holds where ISO-8859-1 and
// Unicode have control characters. The five unassigned bytes stand for themselves.
// Source: encoding.spec.whatwg.org/index-windows-1252.txt.
#pragma once

#include <cstdint>

namespace clip {

inline char32_t windows_1252(std::uint32_t byte) {
  constexpr char32_t kCharacters[32] = {
      0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
      0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
      0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};
  return kCharacters[byte - 0x80];
}

}  // namespace clip
