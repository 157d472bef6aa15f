// Lines on the terminal of stdout that are replaced in place while a run goes on, such as hits
// among what is indexed so far; taken away before what stays is written.
//
// It shares the terminal with a StatusLine or Progress on stderr: the block's lines lie above the
// cursor, and the cursor's own line is the status line's. Both may be shown and cleared in any
// order, by one thread. Whoever writes anything else to stdout or stderr, a notice for one, clears
// the block first, and then the status line; the next show() draws the block again below it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace clip_cli {

class LiveBlock {
 public:
  // Whether anybody would see it: stdout is a terminal that can move its cursor.
  static bool is_watched();

  explicit LiveBlock(bool quiet = false) : visible_(!quiet && is_watched()) {}
  ~LiveBlock() { clear(); }
  LiveBlock(const LiveBlock&) = delete;
  LiveBlock& operator=(const LiveBlock&) = delete;

  bool visible() const { return visible_; }

  // Replaces the lines, which are made printable and cut to the width of the terminal; those that
  // its height has no room for are left out. Nothing is written where they are the same as before,
  // or where others were shown less than 100 ms ago.
  void show(const std::vector<std::string>& lines);

  // Takes the lines away, and the status line with them.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  // How many lines of the screen the block takes, at its width now.
  int height() const;

  const bool visible_;
  std::vector<std::string> shown_;  // as they are on the screen
  Clock::time_point shown_at_;
};

}  // namespace clip_cli
