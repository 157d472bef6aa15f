#include "terminal/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "terminal/text.h"

namespace clip_cli {

std::string duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(const char* what, bool quiet, Total total)
    : what_(what), quiet_(quiet), line_(quiet), total_(std::move(total)) {}

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

void Progress::add(bool failed) {
  ++done_;
  if (failed) ++failed_;
}

void Progress::show(std::string_view words) {
  if (done_ == 0) first_ = Clock::now();
  line_.show(words);
}

void Progress::show() {
  if (!line_.visible()) return;
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
