// Turns images upright. An orientation is 1 to 8 (EXIF 2.3, 4.6.4.A); others count as 1, upright.
#pragma once

#include "clip/image.h"

namespace clip {

// The image turned and mirrored as the orientation says, as far as it is decoded; a copy unless the
// orientation is 1.
Image upright(const Image& image, int orientation);

// Where a region of the upright image lies in the image as stored, whose size is given.
Region stored_region(const Region& upright, std::int64_t stored_width, std::int64_t stored_height,
                     int orientation);

// Whether the upright image has rows where the stored one has columns.
bool is_transposed(int orientation);

}  // namespace clip
