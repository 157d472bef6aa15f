// The engine "native": the towers of lib/nn, built of the weights alone; nothing in the file is
// compiled or run. For models whose weights are recognised, on the CPU.
#pragma once

#include "clip/engine.h"

namespace clip {

// Every call of its encoders sets OpenMP's number of threads for the thread that makes it.
Engine native_engine();

}  // namespace clip
