#include "encoding_module/entry.h"

#include <unicode/ucsdet.h>

#include <cstdint>

extern "C" __attribute__((visibility("default"))) void clip_encoding_entry(std::string_view sample,
                                                                           std::string* name) {
  UErrorCode status = U_ZERO_ERROR;
  UCharsetDetector* detector = ucsdet_open(&status);
  ucsdet_setText(detector, sample.data(), static_cast<std::int32_t>(sample.size()), &status);
  std::int32_t count = 0;
  const UCharsetMatch** matches = ucsdet_detectAll(detector, &count, &status);
  for (std::int32_t i = 0; U_SUCCESS(status) && i < count && name->empty(); ++i) {
    const std::string_view found = ucsdet_getName(matches[i], &status);
    // Short texts are often taken for EBCDIC in Arabic or Hebrew, which no file here is in.
    const bool ebcdic = found.substr(0, 3) == "IBM";
    if (U_SUCCESS(status) && !ebcdic && found != "UTF-8") *name = found;
  }
  ucsdet_close(detector);
}
