#include "text/clip_bpe/unicode.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <cstdint>

#include "clip/error.h"

namespace clip {
namespace {

icu::UnicodeString to_icu(const std::u32string& text) {
  return icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                       static_cast<int32_t>(text.size()));
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string points(static_cast<std::size_t>(text.countChar32()), U'\0');
  UErrorCode status = U_ZERO_ERROR;
  text.toUTF32(reinterpret_cast<UChar32*>(points.data()), static_cast<int32_t>(points.size()),
               status);
  return points;
}

std::u32string normalize(const icu::Normalizer2* form, UErrorCode status,
                         const std::u32string& text) {
  icu::UnicodeString result;
  if (U_SUCCESS(status)) form->normalize(to_icu(text), result, status);
  if (U_FAILURE(status))
    throw Error(ErrorCode::kInternal,
                "ICU cannot normalize text: " + std::string(u_errorName(status)));
  return from_icu(result);
}

// The edition of Unicode that the reference's token ids were made with. A newer ICU knows more
// letters, which would change how texts are split from one system to the next.
constexpr int kUnicodeVersion = 15;

bool has_category(char32_t c, std::uint32_t mask) {
  if ((U_GET_GC_MASK(static_cast<UChar32>(c)) & mask) == 0) return false;
  if (c < 0x250) return true;  // Latin: as old as Unicode, and most of all text
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] <= kUnicodeVersion && (age[0] < kUnicodeVersion || age[1] == 0);
}

}  // namespace

std::u32string decode_utf8(std::string_view bytes) {
  // ICU counts in int32_t; a prompt of two gigabytes is a mistake.
  if (bytes.size() > 0x7fffffff)
    throw Error(ErrorCode::kLimit, "a text of more than 2 GiB cannot be tokenized");
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto size = static_cast<int32_t>(bytes.size());
  std::u32string text;
  text.reserve(bytes.size());
  for (int32_t at = 0; at < size;) {
    UChar32 c;
    U8_NEXT_OR_FFFD(data, at, size, c);
    text.push_back(static_cast<char32_t>(c));
  }
  return text;
}

void append_utf8(char32_t code_point, std::string* bytes) {
  char buffer[U8_MAX_LENGTH];
  int32_t size = 0;
  U8_APPEND_UNSAFE(buffer, size, static_cast<UChar32>(code_point));
  bytes->append(buffer, static_cast<std::size_t>(size));
}

std::string encode_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t c : text) append_utf8(c, &bytes);
  return bytes;
}

bool is_white_space(char32_t c) {
  return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0;
}

bool is_letter(char32_t c) {
  return has_category(c, U_GC_L_MASK);
}

bool is_number(char32_t c) {
  return has_category(c, U_GC_N_MASK);
}

std::u32string normalize_nfc(const std::u32string& text) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* form = icu::Normalizer2::getNFCInstance(status);
  return normalize(form, status, text);
}

std::u32string normalize_nfkc(const std::u32string& text) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* form = icu::Normalizer2::getNFKCInstance(status);
  return normalize(form, status, text);
}

std::u32string lower(const std::u32string& text) {
  return from_icu(to_icu(text).toLower(icu::Locale::getRoot()));
}

}  // namespace clip
