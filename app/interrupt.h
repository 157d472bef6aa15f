// Ctrl-C and SIGTERM in a run that writes results: the first lets it finish what is in flight and
// write it, the second ends it at once, as without this.
#pragma once

namespace clip_cli {

// From here on the first signal is only noted. Call before other threads start.
void catch_interrupts();

bool interrupted();

// Waits until the file descriptor can be read (or is at its end). False when interrupted.
bool wait_readable(int descriptor);

// Ends the process by the signal that was noted, so that a shell that runs a script stops it, too.
[[noreturn]] void end_interrupted();

}  // namespace clip_cli
