// One line on stderr that is written over again and again, only where stderr is a terminal.
#pragma once

#include <chrono>
#include <string_view>

namespace clip_cli {

class StatusLine {
 public:
  // Whether anybody would see it.
  static bool is_watched();

  explicit StatusLine(bool quiet = false) : visible_(!quiet && is_watched()) {}
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool visible() const { return visible_; }
  void show(std::string_view text);  // unless a line was shown less than 100 ms ago
  void clear();                      // takes the line away, so that something else can be written

 private:
  using Clock = std::chrono::steady_clock;

  const bool visible_;
  bool shown_ = false;
  Clock::time_point shown_at_;
};

}  // namespace clip_cli
