// How many threads the system lets this process have, which is asked before OpenMP starts a team:
// it ends the process where it gets fewer threads than it asks for.
#pragma once

namespace clip {

// Of `wanted` threads, the calling one included. A number that could be started once is not tried
// again.
int startable_threads(int wanted);

}  // namespace clip
