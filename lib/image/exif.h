// The orientation in a block of EXIF data, which is a small TIFF file.
#pragma once

#include <string_view>

namespace clip {

// 1 to 8; 1 when there is none, or the block is damaged: an image is shown as stored then, as by
// every viewer.
int exif_orientation(std::string_view exif);

}  // namespace clip
