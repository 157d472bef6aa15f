// Pixels to a PNG file (W3C Recommendation, third edition), by zlib.
#pragma once

#include <string>

#include "clip/image.h"

namespace clip {

// `image`: gray or RGB of 8 bits. Throws Error (kInternal) where it fails.
std::string encode_png(const Image& image);

}  // namespace clip
