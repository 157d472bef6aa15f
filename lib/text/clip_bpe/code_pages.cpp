#include "text/clip_bpe/code_pages.h"

#include <fmt/format.h>
#include <unicode/ucnv.h>

#include "clip/error.h"

namespace clip {
namespace {

constexpr std::uint8_t kLost = 0x1a;
constexpr const char* kCodePage437 = "IBM437";

struct Converter {
  explicit Converter(const char* name) : converter(ucnv_open(name, &status)) {
    // Bytes without a meaning end the conversion, instead of giving U+FFFD.
    ucnv_setToUCallBack(converter, UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
    if (U_FAILURE(status)) {
      throw Error(ErrorCode::kInternal, fmt::format("ICU has no encoding {}", name));
    }
  }
  ~Converter() { ucnv_close(converter); }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  UErrorCode status = U_ZERO_ERROR;
  UConverter* converter;
};

}  // namespace

CodePage::CodePage(const char* name, Gaps gaps) : name_(name), gaps_(gaps) {
  const Converter icu(name);
  for (std::uint32_t byte = 0; byte < characters_.size(); ++byte) {
    characters_[byte] = byte;
    if (byte >= 0x80) {
      const char from = static_cast<char>(byte);
      const char* next = &from;
      UErrorCode status = U_ZERO_ERROR;
      const UChar32 character = ucnv_getNextUChar(icu.converter, &next, &from + 1, &status);
      if (U_SUCCESS(status)) characters_[byte] = static_cast<char32_t>(character);
      // ICU has the Greek letter in code page 437; Unicode's table, and Python's, the micro sign.
      if (characters_[byte] == U'\u03bc' && name_ == kCodePage437) characters_[byte] = U'\u00b5';
      ucnv_resetToUnicode(icu.converter);
    }
  }
  if (is_loose()) characters_[kLost] = U'\ufffd';
  for (std::uint32_t byte = 0; byte < characters_.size(); ++byte) {
    bytes_.emplace(characters_[byte], static_cast<std::uint8_t>(byte));
  }
}

std::optional<std::string> CodePage::encode(std::u32string_view text) const {
  std::string bytes;
  bytes.reserve(text.size());
  for (const char32_t c : text) {
    const auto byte = bytes_.find(c);
    if (byte == bytes_.end()) return std::nullopt;
    bytes += static_cast<char>(byte->second);
  }
  return bytes;
}

const std::vector<CodePage>& code_pages() {
  static const std::vector<CodePage> pages = [] {
    constexpr auto kNone = CodePage::Gaps::kNone, kLoose = CodePage::Gaps::kLoose;
    std::vector<CodePage> made;
    made.emplace_back("ISO-8859-1", kNone);
    for (const char* name : {"windows-1252", "windows-1251", "windows-1250", "windows-1253",
                             "windows-1254", "windows-1257"}) {
      made.emplace_back(name, kLoose);
    }
    for (const char* name : {"ISO-8859-2", "macintosh", kCodePage437})
      made.emplace_back(name, kNone);
    return made;
  }();
  return pages;
}

}  // namespace clip
