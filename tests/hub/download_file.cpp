// download_file URL PATH SHA256 [STALL_SECONDS]: what `clip-cli models pull` does, for any file.
// Prints "again: ..." for each new attempt; exits with 1 and the message on stderr when it fails.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "clip/error.h"
#include "hub/download.h"

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  clip::DownloadOptions options;
  options.attempts = 3;
  if (argc > 4) options.stall_seconds = std::stoi(argv[4]);
  options.max_bytes = 8 << 20;
  options.trying_again = [](const std::string& why) {
    fmt::print("again: {}\n", why);
    std::fflush(stdout);
  };
  try {
    clip::download(argv[1], argv[2], argv[3], options);
  } catch (const clip::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
