// Small copies of images, for people to look at.
#pragma once

#include <string>

#include "clip/image.h"

namespace clip {

// Three channels of 8 bits, the longer side at most `side` pixels; what is transparent is white.
// Throws Error when it cannot be made.
Image thumbnail(const Image& image, int side);

// The same as a JPEG file, which is gray where the image is.
std::string jpeg_thumbnail(const Image& image, int side);

}  // namespace clip
