// Foreign text made safe for a terminal and for messages.
#include "base/excerpt.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "terminal/text.h"

void clip_fuzz::read_input(std::string_view input) {
  const std::string shown = clip_cli::printable(input);
  require(clip::is_utf8(shown), "printable text is UTF-8");
  for (const char c : shown) {
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "printable text controls nothing");
  }
  require(clip::is_utf8(clip::excerpt(input)), "an excerpt is UTF-8");
}
