// Turns images upright.
#pragma once

#include "clip/image.h"

namespace clip {

// The image turned and mirrored as the orientation says, 1 to 8 (EXIF 2.3, 4.6.4.A); a copy unless
// it is 1.
Image upright(const Image& image, int orientation);

}  // namespace clip
