#include "terminal/status_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "terminal/columns.h"
#include "terminal/standard_error.h"

namespace clip_cli {
bool StatusLine::is_watched() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

void StatusLine::show(std::string_view text) {
  constexpr std::chrono::milliseconds kStands(100);
  const auto now = Clock::now();
  if (!visible_ || (shown_ && now - shown_at_ < kStands)) return;
  shown_at_ = now;
  shown_ = true;
  write_standard_error(
      fmt::format("\r\x1b[K{}", cut_to_width(text, terminal_width(STDERR_FILENO) - 1)));
}

void StatusLine::clear() {
  if (!shown_) return;
  write_standard_error("\r\x1b[K");
  shown_ = false;
}

}  // namespace clip_cli
