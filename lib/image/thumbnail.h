// Small copies of pictures, for people to look at.
#pragma once

#include <string>

#include "image/picture.h"

namespace clip {

// A JPEG file whose longer side has at most `side` pixels; what is transparent is white. Throws
// Error when it cannot be made.
std::string jpeg_thumbnail(const Picture& picture, int side);

}  // namespace clip
