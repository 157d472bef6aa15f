// Small copies of images, for people to look at.
#pragma once

#include <string>

#include "clip/image.h"

namespace clip {

// RGB of 8 bits, the longer side at most `side` pixels; what is transparent is white.
Image thumbnail(const Image& image, int side);

// The same as a JPEG file, which is gray where the image is. Throws Error when it cannot be made.
std::string jpeg_thumbnail(const Image& image, int side);

}  // namespace clip
