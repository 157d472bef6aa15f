#include "options/cache_folder.h"

#include <cstdlib>

namespace clip_cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string cache_folder() {
  std::string cache = variable("XDG_CACHE_HOME");
  if (cache.empty()) {
    const std::string home = variable("HOME");
    if (home.empty()) return "";
    cache = home + "/.cache";
  }
  return cache + "/clip-cli";
}

}  // namespace clip_cli
