// Outcomes that a command reports to main, beside clip::Error (exit code 1).
#pragma once

#include <stdexcept>

namespace clip_cli {

enum ExitCode {
  kDone = 0,
  kFailed = 1,    // something failed at run time; everything else was still done and printed
  kBadUsage = 2,  // the command line asks for something that cannot be meant
};

// The command line is wrong in a way that its grammar does not show. Exit code 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace clip_cli
