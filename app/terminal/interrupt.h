// Signals in a run that writes results. Of Ctrl-C, SIGTERM and a terminal that is closed the first
// cancels the run, which finishes the images in flight and writes them; the second ends it at once,
// as without this, but for another SIGHUP, which is ignored. Where nobody reads the output any
// more, the write fails, and what is half done can be cleared away.
#pragma once

#include "clip/cancel.h"

namespace clip_cli {

// The one token of the process that the signals cancel. Runs derive tokens of their own from it.
clip::CancelToken& interrupts();

// From here on the first signal only cancels the token. Call before other threads start.
void catch_interrupts();

// The signal that came, or 0.
int interrupt_signal();

// Ends the process by a signal, as if it had not been caught, so that a shell that runs a script
// knows.
[[noreturn]] void end_by(int signal);

}  // namespace clip_cli
