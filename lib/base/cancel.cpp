#include "clip/cancel.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <vector>

namespace clip {

CancelToken::CancelToken(const CancelToken* parent) : parent_(parent) {
  // Without descriptors left a token works all the same, but for whoever waits for input.
  if (::pipe2(wake_, O_CLOEXEC | O_NONBLOCK) != 0) wake_[0] = wake_[1] = -1;
}

CancelToken::~CancelToken() {
  for (const int end : wake_) {
    if (end >= 0) ::close(end);
  }
}

void CancelToken::cancel() noexcept {
  if (cancelled_.exchange(true) || wake_[1] < 0) return;
  const int saved = errno;
  // A byte fits into an empty pipe; there is nothing to do where it does not.
  if (::write(wake_[1], "", 1) < 0) errno = saved;
  errno = saved;
}

bool CancelToken::cancelled() const noexcept {
  for (const CancelToken* token = this; token != nullptr; token = token->parent_) {
    if (token->cancelled_) return true;
  }
  return false;
}

bool CancelToken::wait_readable(int descriptor, int max_milliseconds) const {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(max_milliseconds);
  std::vector<pollfd> polled = {{descriptor, POLLIN, 0}};
  for (const CancelToken* token = this; token != nullptr; token = token->parent_) {
    if (token->wake_[0] >= 0) polled.push_back({token->wake_[0], POLLIN, 0});
  }
  while (!cancelled()) {
    // Where polling fails, reading will say what is wrong.
    int wait = -1;
    if (max_milliseconds >= 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      wait = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    const int ready = ::poll(polled.data(), polled.size(), wait);
    if (ready < 0 && errno != EINTR) return true;
    if (ready > 0 && polled.front().revents != 0) return !cancelled();
    if (ready == 0 && wait == 0) return false;
  }
  return false;
}

}  // namespace clip
