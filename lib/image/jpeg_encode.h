// Pixels to a JPEG file, by libjpeg.
#pragma once

#include <string>

#include "clip/image.h"

namespace clip {

// `image`: gray or RGB of 8 bits. `quality`: 1 to 100. Throws Error (kInternal) where it fails.
std::string encode_jpeg(const Image& image, int quality);

}  // namespace clip
