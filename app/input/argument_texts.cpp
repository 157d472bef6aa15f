#include "input/argument_texts.h"

#include <fmt/format.h>

#include "base/utf8.h"
#include "terminal/text.h"

namespace clip_cli {

void note_bytes(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    if (clip::is_utf8(text)) continue;
    notice(fmt::format(
        "'{}' is not UTF-8: bytes that mean nothing are taken as U+FFFD; is the terminal's "
        "encoding UTF-8?",
        text));
  }
}

}  // namespace clip_cli
