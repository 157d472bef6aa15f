// Small copies of images, files or members of tar archives, that a run has not decoded itself, for
// its page, or for the terminal.
#pragma once

#include <string>

#include "terminal/preview.h"

namespace clip_cli {

// A JPEG file; empty where the image cannot be used, or is gone: the page then shows its name
// alone.
std::string thumbnail_of(const std::string& path);

// The bytes that show it in a terminal, or instead of them a line that says why they cannot.
std::string preview_of(const std::string& path, const Preview& preview);

}  // namespace clip_cli
