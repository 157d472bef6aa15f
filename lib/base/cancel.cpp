#include "clip/cancel.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
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

bool CancelToken::wait_readable(int descriptor) const {
  std::vector<pollfd> polled = {{descriptor, POLLIN, 0}};
  for (const CancelToken* token = this; token != nullptr; token = token->parent_) {
    if (token->wake_[0] >= 0) polled.push_back({token->wake_[0], POLLIN, 0});
  }
  while (!cancelled()) {
    // Where polling fails, reading will say what is wrong.
    if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) return true;
    if (polled.front().revents != 0) return !cancelled();
  }
  return false;
}

}  // namespace clip
