#include "terminal/live_block.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "terminal/columns.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

// At once, so that a line of it does not come between those of stderr.
void write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// To the beginning of the line that is so many above the cursor's.
std::string upwards(int lines) {
  return lines > 0 ? fmt::format("\r\x1b[{}A", lines) : "\r";
}

// Clears so many lines above the cursor's and all below, and ends at the first of them. The first
// is cleared apart: some terminals keep a screen that is cleared as a whole among the lines that
// one can scroll back to.
std::string erase(int lines) {
  if (lines == 0) return "\r\x1b[J";
  return upwards(lines) + "\x1b[K\x1b[B\x1b[J\x1b[A";
}

int terminal_height() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) return size.ws_row;
  return 24;
}

}  // namespace

bool LiveBlock::is_watched() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

int LiveBlock::height() const {
  // A terminal that was made narrower since has wrapped lines. What has left it at its top cannot
  // be reached any more.
  const int width = terminal_width(STDOUT_FILENO);
  int height = 0;
  for (const std::string& line : shown_) {
    height += std::max(1, (display_width(line) + width - 1) / width);
  }
  return std::min(height, terminal_height() - 1);
}

void LiveBlock::show(const std::vector<std::string>& lines) {
  constexpr std::chrono::milliseconds kStands(100);
  const auto now = Clock::now();
  if (!visible_ || (!shown_.empty() && now - shown_at_ < kStands)) return;
  const int width = terminal_width(STDOUT_FILENO) - 1;
  // One line is the status line's.
  const auto room = static_cast<std::size_t>(std::max(terminal_height() - 1, 0));
  std::vector<std::string> cut;
  for (std::size_t i = 0; i < std::min(lines.size(), room); ++i) {
    cut.push_back(cut_to_width(printable(lines[i]), width));
  }
  if (cut == shown_) return;
  const int before = height();
  // Line by line, so that nothing flickers, and the status line stays where it is; but below
  // another number of lines it is written anew.
  const bool in_place = cut.size() == shown_.size() && before == static_cast<int>(cut.size());
  std::string text = in_place ? upwards(before) : erase(before);
  for (const std::string& line : cut) text += line + (in_place ? "\x1b[K\r\n" : "\r\n");
  write(text);
  shown_ = std::move(cut);
  shown_at_ = now;
}

void LiveBlock::clear() {
  if (shown_.empty()) return;
  write(erase(height()));
  shown_.clear();
}

}  // namespace clip_cli
