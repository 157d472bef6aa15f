// Signals in a run that writes results. Of Ctrl-C and SIGTERM the first lets it finish what is in
// flight and write it, the second ends it at once, as without this. Where nobody reads its output
// any more, it is told by the write, and can clear away what is half done.
#pragma once

namespace clip_cli {

// From here on the first signal is only noted. Call before other threads start.
void catch_interrupts();

// The signal that was noted, or 0.
int interrupted();

// Waits until the file descriptor can be read (or is at its end). False when interrupted, and when
// nobody wants to read any more.
bool wait_readable(int descriptor);

// Behind what has threads that wait for input: when a run fails, this goes first, and they end
// instead of waiting for input that may never come.
class WaitsEndHere {
 public:
  WaitsEndHere() = default;
  ~WaitsEndHere();
  WaitsEndHere(const WaitsEndHere&) = delete;
  WaitsEndHere& operator=(const WaitsEndHere&) = delete;
};

// Ends the process by a signal, as if it had not been caught, so that a shell that runs a script
// knows.
[[noreturn]] void end_by(int signal);

}  // namespace clip_cli
