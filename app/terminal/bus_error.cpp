#include "terminal/bus_error.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/mapped_file.h"
#include "exit_code.h"

namespace clip_cli {
namespace {

// Nothing here may allocate or lock.
void say(const char* text) {
  static_cast<void>(!::write(STDERR_FILENO, text, std::strlen(text)));
}

void explain(int signal, siginfo_t* info, void*) {
  const char* path = clip::mapped_path_at(info->si_addr);
  if (path == nullptr) {  // comes again when this returns
    std::signal(signal, SIG_DFL);
    return;
  }
  say("clip-cli: cannot read ");
  say(path);
  say(": it was cut short while it was in use, or its disk fails; replace files that are in use by "
      "renaming, as mv does\n");
  std::_Exit(kFailed);
}

}  // namespace

void explain_bus_errors() {
  struct sigaction action = {};
  action.sa_sigaction = explain;
  action.sa_flags = SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace clip_cli
