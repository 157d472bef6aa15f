#include "terminal/interrupt.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <initializer_list>
#include <system_error>
#include <thread>

namespace clip_cli {
namespace {

std::atomic<int> noted_signal{0};

void note(int signal) {
  noted_signal = signal;
  interrupts().cancel();
}

// Waits for one of the signals, which all threads block. It asks the program to end; the next one
// ends it.
void wait_for(sigset_t signals) {
  int signal = 0;
  while (::sigwait(&signals, &signal) != 0) {
  }
  note(signal);
  // A terminal that is closed may tell it twice, by the system and by the shell.
  std::signal(signal, signal == SIGHUP ? SIG_IGN : SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  for (;;) ::pause();  // this thread is where the next one arrives
}

}  // namespace

clip::CancelToken& interrupts() {
  static clip::CancelToken token;
  return token;
}

// A thread waits for them, and no handler runs on the others: oneDNN's products for AVX2 (2.6) keep
// what they need below their stack, where the system writes before it calls a handler. Of 530
// interrupts of `index` 4 ended in a damaged heap. (A loop of products under a timer's signals
// fails at once, and makes no mistake under 133,000 of them whose handler has a stack of its own.)
void catch_interrupts() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t caught, before;
  ::sigemptyset(&caught);
  bool any = false;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction action = {};
    // A process that was started with the signal ignored (nohup, a job in the background) is meant
    // to ignore it.
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_IGN) continue;
    ::sigaddset(&caught, signal);
    any = true;
  }
  interrupts();  // made before the thread
  if (!any || ::pthread_sigmask(SIG_BLOCK, &caught, &before) != 0) return;
  try {
    std::thread(wait_for, caught).detach();
  } catch (const std::system_error&) {
    // No thread is to be had: an interrupt ends the program at once.
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
}

int interrupt_signal() {
  return noted_signal;
}

void end_by(int signal) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signal);
  std::signal(signal, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  std::raise(signal);
  std::_Exit(128 + signal);
}

}  // namespace clip_cli
