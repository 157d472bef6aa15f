// Small copies of images that a run has not decoded itself, for its page.
#pragma once

#include <string>

namespace clip_cli {

// A JPEG file; empty where the image cannot be used, or is gone: the page then shows its name
// alone.
std::string thumbnail_of(const std::string& path);

}  // namespace clip_cli
