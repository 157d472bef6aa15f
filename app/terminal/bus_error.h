// SIGBUS, which a mapped file raises that another process has shortened, or whose disk fails.
#pragma once

namespace clip_cli {

// From now on it ends the program with exit code 1 and a line that names the file. Where it has
// another cause, it does what it always does.
void explain_bus_errors();

}  // namespace clip_cli
