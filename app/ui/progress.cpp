#include "ui/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "ui/columns.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

void write_to_people(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

std::string duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

bool Progress::is_watched() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::strcmp(terminal, "dumb") != 0;
}

Progress::Progress(const char* what, bool quiet, Total total)
    : what_(what), quiet_(quiet), visible_(!quiet && is_watched()), total_(std::move(total)) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::add(bool failed) {
  ++done_;
  if (failed) ++failed_;
}

bool Progress::is_due() {
  constexpr std::chrono::milliseconds kStands(100);
  const auto now = Clock::now();
  if (!visible_ || (shown_ && now - shown_at_ < kStands)) return false;
  shown_at_ = now;
  return true;
}

void Progress::show(std::string_view words) {
  if (done_ == 0) first_ = Clock::now();
  if (!is_due()) return;
  shown_ = true;
  write_to_people(
      fmt::format("\r\x1b[K{}", cut_to_width(words, terminal_width(STDERR_FILENO) - 1)));
}

void Progress::show() {
  if (!visible_) return;
  const double taken = std::chrono::duration<double>(Clock::now() - first_).count();
  const double rate = taken > 0 ? static_cast<double>(done_) / taken : 0;
  const auto total = total_();
  std::string line = fmt::format("{}", skipped_ + done_);
  if (total) line += fmt::format("/{}", *total);
  line += fmt::format(" {}s, {:.1f} a second", what_, rate);
  if (total && rate > 0 && *total > skipped_ + done_) {
    line +=
        fmt::format(", {} left", duration(static_cast<double>(*total - skipped_ - done_) / rate));
  }
  if (failed_ > 0) line += fmt::format(", {} failed", failed_);
  show(line);
}

void Progress::clear() {
  if (!shown_) return;
  write_to_people("\r\x1b[K");
  shown_ = false;
}

void Progress::finish(bool interrupted) {
  clear();
  if (quiet_) return;
  const auto total = total_();
  std::string line = interrupted ? "interrupted: " : "";
  line += fmt::format("{} {}{}", done_, what_, done_ == 1 ? "" : "s");
  if (interrupted && total) line += fmt::format(" of {}", *total - std::min(*total, skipped_));
  line += fmt::format(" in {}", duration(seconds()));
  line += fmt::format(", {} failed", failed_ == 0 ? "none" : std::to_string(failed_));
  if (skipped_ > 0) line += fmt::format("; {} had been done before", skipped_);
  notice(line);
}

}  // namespace clip_cli
