// Where a library ends the process by exit(), as OpenMP's does that gets no thread: temporary files
// are removed, and people are told. Not for signals, nor for _exit().
#pragma once

#include <string>

namespace clip_cli {

// From now on an exit() before expect_end() says so on stderr.
void explain_early_exit();
void expect_end();

// The file is removed by an early exit, until it is forgotten.
void remove_on_early_exit(const std::string& path);
void forget_on_early_exit(const std::string& path);

}  // namespace clip_cli
