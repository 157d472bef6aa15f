// JPEG data to pixels, through libjpeg, as Pillow has it do that: exact integer cosine transform,
// smooth upsampling, and small errors in the data passed over.
#pragma once

#include <string_view>

#include "clip/image.h"
#include "image/formats/format.h"
#include "image/pixel_buffer.h"

namespace clip {

// An image in gray or in colour, at 1/scale of its size, rounded up; scale is 1, 2, 4 or 8. A
// reduced one has the averages of pixels: the cosine transform leaves out what is finer, and the
// time for it. Its pixels lie in the buffer. Throws Error for data that cannot be decoded.
Image decode_jpeg(std::string_view bytes, const ImageHeader& header, PixelMode mode, int scale,
                  PixelBuffer* buffer);

}  // namespace clip
