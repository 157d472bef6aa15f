// Conversions between UTF-8 and code points, and what ICU knows about code points.
#pragma once

#include <string>
#include <string_view>

namespace clip {

// Bytes that are not UTF-8 become U+FFFD, one for each maximal part of a sequence, as the Unicode
// Standard recommends (3.9, table 3-8) and Python's decoder does.
std::u32string decode_utf8(std::string_view bytes);

std::string encode_utf8(std::u32string_view text);
void append_utf8(char32_t code_point, std::string* bytes);

// Unicode's White_Space property.
bool is_white_space(char32_t c);
bool is_letter(char32_t c);  // general category L
bool is_number(char32_t c);  // general category N

std::u32string normalize_nfc(const std::u32string& text);
std::u32string normalize_nfkc(const std::u32string& text);

// Full case mapping without a locale, final sigma included, as Python's str.lower.
std::u32string lower(const std::u32string& text);

}  // namespace clip
