// What a command reports to the shell.
#pragma once

namespace clip_cli {

enum ExitCode {
  kDone = 0,
  kFailed = 1,    // something failed at run time; everything else was still done and printed
  kBadUsage = 2,  // the command line asks for something that cannot be meant
};

}  // namespace clip_cli
