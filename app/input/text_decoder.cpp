#include "input/text_decoder.h"

#include <fmt/format.h>
#include <unicode/ucnv.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <utility>

#include "clip/error.h"

namespace clip_cli {
namespace {

struct Mark {
  std::string_view bytes;
  const char* encoding;
};

// The longer ones first: that of UTF-32 begins as that of UTF-16.
constexpr std::array<Mark, 4> kMarks = {{
    {std::string_view("\xff\xfe\0\0", 4), "UTF-32LE"},
    {std::string_view("\0\0\xfe\xff", 4), "UTF-32BE"},
    {std::string_view("\xff\xfe", 2), "UTF-16LE"},
    {std::string_view("\xfe\xff", 2), "UTF-16BE"},
}};

}  // namespace

struct TextDecoder::Converter {
  explicit Converter(const std::string& encoding)
      : name(encoding), icu(ucnv_open(name.c_str(), &status)) {
    ucnv_setToUCallBack(icu, UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
  }
  ~Converter() { ucnv_close(icu); }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  const std::string name;
  UErrorCode status = U_ZERO_ERROR;
  UConverter* icu;
  char16_t high = 0;  // a surrogate whose other half comes with the next bytes
};

bool is_encoding(const std::string& name) {
  const TextDecoder::Converter converter(name);
  return U_SUCCESS(converter.status);
}

TextDecoder::TextDecoder(std::string encoding) : chosen_(!encoding.empty()) {
  if (chosen_) converter_ = std::make_unique<Converter>(encoding);
}

TextDecoder::~TextDecoder() = default;

// What the first bytes say, unless more have to be seen.
void TextDecoder::choose(bool last) {
  for (const Mark& mark : kMarks) {
    const auto both = std::min(mark.bytes.size(), begin_.size());
    if (begin_.compare(0, both, mark.bytes.substr(0, both)) != 0) continue;
    if (both < mark.bytes.size()) {
      if (last) continue;
      return;
    }
    converter_ = std::make_unique<Converter>(mark.encoding);
    begin_.erase(0, mark.bytes.size());
    break;
  }
  chosen_ = true;
}

void TextDecoder::append(std::string_view bytes, bool last, std::string* utf8) {
  std::string first;
  if (!chosen_) {
    begin_ += bytes;
    choose(last);
    if (!chosen_) return;
    first.swap(begin_);
    bytes = first;
  }
  if (converter_ == nullptr) {
    *utf8 += bytes;
  } else {
    convert(bytes, last, utf8);
  }
}

void TextDecoder::convert(std::string_view bytes, bool last, std::string* utf8) {
  std::array<UChar, 4096> units;
  const char* from = bytes.data();
  const char* const end = from + bytes.size();
  for (UErrorCode status = U_BUFFER_OVERFLOW_ERROR; status == U_BUFFER_OVERFLOW_ERROR;) {
    status = U_ZERO_ERROR;
    UChar* to = units.data();
    ucnv_toUnicode(converter_->icu, &to, units.data() + units.size(), &from, end, nullptr, last,
                   &status);
    for (const UChar* unit = units.data(); unit != to; ++unit) {
      UChar32 character = *unit;
      if (U16_IS_LEAD(*unit)) {
        converter_->high = *unit;
        continue;
      }
      if (U16_IS_TRAIL(*unit)) character = U16_GET_SUPPLEMENTARY(converter_->high, *unit);
      std::array<std::uint8_t, U8_MAX_LENGTH> encoded{};
      std::int32_t length = 0;
      U8_APPEND_UNSAFE(encoded.data(), length, character);
      utf8->append(reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length));
    }
    if (U_FAILURE(status) && status != U_BUFFER_OVERFLOW_ERROR) {
      throw clip::Error(clip::ErrorCode::kCorrupt,
                        fmt::format("bytes that mean nothing in {}", converter_->name));
    }
  }
}

}  // namespace clip_cli
