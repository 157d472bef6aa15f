// The hub's cache and its downloads from the outside, for the tests that compare with Python:
//   hub_tool folder                              where the cache is
//   hub_tool find REPOSITORY REVISION FILE...    a line a file: here PATH, missing, broken, unknown
//   hub_tool model REPOSITORY REVISION           none, partial or whole; folder; weights; what
//   lacks hub_tool pull REPOSITORY REVISION [STALL]    into the cache; prints the snapshot, then
//   the files
// Exits with 1 and the message on stderr when it fails.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <string>

#include "clip/error.h"
#include "hub/hub_cache.h"
#include "hub/hub_pull.h"

namespace {

std::string line_of(const clip::CachedFile& file) {
  switch (file.state) {
    case clip::CachedState::kHere:
      return "here " + file.path;
    case clip::CachedState::kKnownMissing:
      return "missing";
    case clip::CachedState::kBroken:
      return "broken";
    case clip::CachedState::kUnknown:
      break;
  }
  return "unknown";
}

void show(const clip::CachedModel& model) {
  const char* states[] = {"none", "partial", "whole"};
  fmt::print("{}\n{}\n{}\n{}\n{}\n", states[static_cast<int>(model.state)], model.folder,
             fmt::join(model.weights, " "), fmt::join(model.configs, " "),
             fmt::join(model.missing, "; "));
}

void pull(const clip::HubCache& cache, const std::string& repository, const std::string& revision,
          int stall_seconds) {
  clip::HubPullOptions options;
  options.endpoint = clip::hub_endpoint();
  options.token = clip::hub_token();
  options.symlinks = clip::hub_uses_symlinks();
  options.download.attempts = 3;
  options.download.stall_seconds = stall_seconds;
  options.download.max_wait_seconds = 5;
  options.download.trying_again = [](const std::string& why) {
    fmt::print("again: {}\n", why);
    std::fflush(stdout);
  };
  options.notice = [](const std::string& text) {
    fmt::print("notice: {}\n", text);
    std::fflush(stdout);
  };
  const clip::PulledModel model = clip::pull_model(cache, repository, revision, options);
  fmt::print("{}\n{}\n{}\n", model.folder, fmt::join(model.files, " "),
             model.fetched ? "fetched" : "here");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  const clip::HubCache cache(clip::hub_cache_folder());
  try {
    if (command == "folder") {
      fmt::print("{}\n", cache.folder());
    } else if (command == "find" && argc > 3) {
      for (int i = 4; i < argc; ++i) {
        fmt::print("{}\n", line_of(cache.find_file(argv[2], argv[3], argv[i])));
      }
    } else if (command == "model" && argc > 3) {
      show(cache.find_model(argv[2], argv[3]));
    } else if (command == "pull" && argc > 3) {
      pull(cache, argv[2], argv[3], argc > 4 ? std::stoi(argv[4]) : 30);
    } else {
      return 2;
    }
  } catch (const clip::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
