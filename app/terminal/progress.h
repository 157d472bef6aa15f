// How far a run is: a status line while it goes on, and at the end one line that stays.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "terminal/status_line.h"

namespace clip_cli {

class Progress {
 public:
  // Gives how many there are, once that is known.
  using Total = std::function<std::optional<std::uint64_t>()>;

  // `what` is counted: "image", "job". `quiet`: not even the last line.
  Progress(const char* what, bool quiet, Total total);

  // How many an earlier run has done, as far as is known.
  void skip_to(std::uint64_t done_before) { skipped_ = done_before; }

  void add(bool failed);              // one more is done
  void show();                        // the line, unless it was shown just before
  void show(std::string_view words);  // the same with other words
  void clear() { line_.clear(); }     // so that something else can be written
  void finish(bool interrupted);      // the last line

  std::uint64_t done() const { return done_; }
  std::uint64_t failed() const { return failed_; }
  std::uint64_t skipped() const { return skipped_; }
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  const std::string what_;
  const bool quiet_;
  StatusLine line_;
  const Total total_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point first_ = start_;  // when the first was awaited: rates count from here
  std::uint64_t done_ = 0, failed_ = 0, skipped_ = 0;
};

// "3.2 s", "2 min 5 s", "1 h 4 min".
std::string duration(double seconds);

}  // namespace clip_cli
