// Small copies of images, for people to look at.
#pragma once

#include <string>

#include "clip/image.h"

namespace clip {

// A JPEG file whose longer side has at most `side` pixels; what is transparent is white. Throws
// Error when it cannot be made.
std::string jpeg_thumbnail(const Image& image, int side);

}  // namespace clip
