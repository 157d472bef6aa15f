#include "terminal/interrupt.h"

#include <csignal>
#include <cstdlib>
#include <initializer_list>

namespace clip_cli {
namespace {

volatile std::sig_atomic_t noted_signal = 0;

void note(int signal) {
  noted_signal = signal;
  interrupts().cancel();
}

}  // namespace

clip::CancelToken& interrupts() {
  static clip::CancelToken token;
  return token;
}

void catch_interrupts() {
  interrupts();  // made here, and not by the handler
  std::signal(SIGPIPE, SIG_IGN);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    // A process that was started with the signal ignored (nohup, a job in the background) is meant
    // to ignore it.
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    action = {};
    action.sa_handler = note;
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

int interrupt_signal() {
  return noted_signal;
}

void end_by(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  std::_Exit(128 + signal);
}

}  // namespace clip_cli
