#include "terminal/text.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/utf8.h"
#include "terminal/color.h"
#include "terminal/standard_error.h"

namespace clip_cli {

void notice(std::string_view message) {
  write_standard_error(fmt::format("{} {}\n", colored("clip-cli:", Color::kBold, STDERR_FILENO),
                                   printable(message)));
}

std::string printable(std::string_view text) {
  std::string safe;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = clip::utf8_sequence_length(text, i);
    if (byte == '\n') {
      safe += "\\n";
    } else if (byte == '\t') {
      safe += "\\t";
    } else if (length == 0 || byte < 0x20 || byte == 0x7f) {
      safe += fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
      // U+0080 to U+009F, the second set of control characters.
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i + 1]));
    } else {
      safe += text.substr(i, length);
    }
    i += length == 0 ? 1 : length;
  }
  return safe;
}

std::string size_text(std::uint64_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
  if (size < 999.5e3) return fmt::format("{:.0f} kB", 1e-3 * size);
  if (size < 999.95e6) return fmt::format("{:.1f} MB", 1e-6 * size);
  return fmt::format("{:.1f} GB", 1e-9 * size);
}

}  // namespace clip_cli
