// walk_folder ROOT SUB PATTERN...: what FolderWalk finds in SUB ("": the root itself), with
// PATTERNs to exclude. Gives files by their relative paths, each with a NUL at its end, errors as
// "! path". walk_folder -t N ROOT SUB PATTERN...: instead the number of files, and the milliseconds
// that each of N walks takes.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "pipeline/folder_walk.h"

namespace {

template <typename Use>
void walk(char** arguments, Use use) {
  clip::WalkOptions options;
  for (char** pattern = arguments + 2; *pattern != nullptr; ++pattern) {
    options.exclude.emplace_back(*pattern);
  }
  clip::FolderWalk walk(arguments[0], arguments[1], options);
  for (clip::WalkEntry entry; walk.next(&entry);) use(entry);
}

}  // namespace

int main(int argc, char** argv) {
  using Kind = clip::WalkEntry::Kind;
  using Clock = std::chrono::steady_clock;
  try {
    if (argc > 4 && std::strcmp(argv[1], "-t") == 0) {
      for (int i = std::atoi(argv[2]); i > 0; --i) {
        std::size_t files = 0;
        const auto start = Clock::now();
        walk(argv + 3, [&](const clip::WalkEntry& entry) { files += entry.kind == Kind::kFile; });
        const std::chrono::duration<double, std::milli> took = Clock::now() - start;
        fmt::print("{} files {:.1f} ms\n", files, took.count());
      }
      return 0;
    }
    if (argc < 3) return 2;
    walk(argv + 1, [](const clip::WalkEntry& entry) {
      if (entry.kind != Kind::kFile && entry.kind != Kind::kError) return;
      const std::string line = (entry.error ? "! " : "") + entry.relative;
      std::fwrite(line.c_str(), 1, line.size() + 1, stdout);
    });
    return 0;
  } catch (const clip::Error& error) {
    fmt::print(stderr, "walk_folder: {}\n", error.what());
    return 1;
  }
}
