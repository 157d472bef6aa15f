// Where this program keeps what it can compute anew: XDG_CACHE_HOME/clip-cli, else
// ~/.cache/clip-cli. Models are elsewhere (options/model_lookup.h).
#pragma once

#include <string>

namespace clip_cli {

// Empty where there is no home; nothing is kept then.
std::string cache_folder();

}  // namespace clip_cli
