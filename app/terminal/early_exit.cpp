#include "terminal/early_exit.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <set>

#include "terminal/standard_error.h"

namespace clip_cli {
namespace {

std::atomic<bool> is_expected{false};

struct Files {
  std::mutex mutex;
  std::set<std::string> paths;
};

// Never destroyed: other threads go on while the process exits.
Files& files() {
  static Files& all = *new Files;
  return all;
}

void clear_away() {
  if (is_expected) return;
  const std::lock_guard<std::mutex> lock(files().mutex);
  for (const std::string& path : files().paths) ::unlink(path.c_str());
  write_standard_error(
      "clip-cli: ended by a library that could not go on: out of memory, or of threads\n");
}

}  // namespace

void explain_early_exit() {
  files();
  std::atexit(clear_away);
}

void expect_end() {
  is_expected = true;
}

void remove_on_early_exit(const std::string& path) {
  const std::lock_guard<std::mutex> lock(files().mutex);
  files().paths.insert(path);
}

void forget_on_early_exit(const std::string& path) {
  const std::lock_guard<std::mutex> lock(files().mutex);
  files().paths.erase(path);
}

}  // namespace clip_cli
