/// \file
/// Tells work that it should end: set once, by any thread or signal handler, and read by whoever
/// works or waits. A token may have a parent, whose cancellation counts as its own; so one run can
/// be ended alone, or all of them together.
#pragma once

#include <atomic>

namespace clip {

/// What work is ended by. A token outlives those who look at it.
class CancelToken {
 public:
  /// `parent`: null, or a token that outlives this one.
  explicit CancelToken(const CancelToken* parent = nullptr);
  ~CancelToken();
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;

  /// Safe in a signal handler, and more than once.
  void cancel() noexcept;
  /// Of this token or its parent.
  bool cancelled() const noexcept;

  /// Waits until the file descriptor can be read or is at its end. False when cancelled, or after
  /// `max_milliseconds`; a negative number sets no limit.
  bool wait_readable(int descriptor, int max_milliseconds = -1) const;

 private:
  const CancelToken* const parent_;
  std::atomic<bool> cancelled_{false};
  int wake_[2] = {-1, -1};  ///< a pipe: written once, never read, so that whoever polls it wakes
};

}  // namespace clip
