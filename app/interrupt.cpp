#include "interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace clip_cli {
namespace {

volatile std::sig_atomic_t noted_signal = 0;
std::atomic<bool> waits_ended{false};
// The signal writes into it, so that whoever polls wakes, whatever thread the signal came to.
int wake[2] = {-1, -1};

void note(int signal) {
  const int saved = errno;
  noted_signal = signal;
  if (::write(wake[1], "", 1) < 0) errno = saved;  // full: it has been written before
  errno = saved;
}

}  // namespace

void catch_interrupts() {
  if (wake[0] >= 0 || ::pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0) return;
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    // Who started us with the signal ignored (nohup, a job in the background) means it.
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = note;
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

int interrupted() {
  return noted_signal;
}

bool wait_readable(int descriptor) {
  while (interrupted() == 0 && !waits_ended) {
    pollfd polled[2] = {{descriptor, POLLIN, 0}, {wake[0], POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) return true;  // reading will say what is wrong
    if (polled[0].revents != 0) return true;
  }
  return false;
}

WaitsEndHere::~WaitsEndHere() {
  waits_ended = true;
  // Full: then whoever polls is awake. Without a pipe nothing waits that long.
  if (::write(wake[1], "", 1) < 0) return;
}

void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  std::_Exit(128 + signal);
}

}  // namespace clip_cli
