// How far a run is, on stderr, for who watches: one line that is written over again and again, and
// only where stderr is a terminal. At the end one line that stays.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace clip_cli {

class Progress {
 public:
  // Gives how many there are, once that is known.
  using Total = std::function<std::optional<std::uint64_t>()>;

  // Whether anybody would see it.
  static bool is_watched();

  // `what` is counted: "picture", "job". `quiet`: not even the last line.
  Progress(const char* what, bool quiet, Total total);

  // How many an earlier run has done, as far as is known.
  void skip_to(std::uint64_t done_before) { skipped_ = done_before; }

  void add(bool failed);          // one picture more
  void show();                    // the line, unless it was shown just before
  void show(std::string_view);    // the same with other words
  void clear();                   // takes the line away, so that something else can be written
  void finish(bool interrupted);  // the last line

  std::uint64_t done() const { return done_; }
  std::uint64_t failed() const { return failed_; }
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  bool is_due();  // whether the line has stood long enough to be written again

  const std::string what_;
  const bool quiet_, visible_;
  const Total total_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point first_ = start_;  // when the first was awaited: rates count from here
  Clock::time_point shown_at_;
  bool shown_ = false;
  std::uint64_t done_ = 0, failed_ = 0, skipped_ = 0;
};

// "3.2 s", "2 min 5 s", "1 h 4 min".
std::string duration(double seconds);

}  // namespace clip_cli
