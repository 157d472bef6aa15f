// JPEG data to pixels, through libjpeg-turbo, as Pillow has it do that: exact integer cosine
// transform, smooth ("fancy") upsampling, and errors in the data passed over, but not their end.
#pragma once

#include <cstdint>
#include <string_view>

#include "clip/image.h"
#include "image/pixel_buffer.h"

namespace clip {

// What the frame header (T.81, B.2.2) says.
struct JpegFrame {
  std::int64_t width = 0, height = 0;  // pixels
  int components = 0;                  // 1: gray, 3: colour, 4: CMYK, whose samples are inverted
  int max_h = 1, max_v = 1;            // the largest sampling factors
};

// The image at 1/scale of its size, rounded up; scale is 1, 2, 4 or 8. A reduced one has the
// averages of pixels: the cosine transform leaves out what is finer, and the time for it. `region`:
// the pixels that are needed, exactly those of the whole image; empty, or with a scale: all. The
// pixels lie in the buffer. Throws Error for data that end early or cannot be decoded.
Image decode_jpeg(std::string_view bytes, const JpegFrame& frame, int scale, const Region& region,
                  PixelBuffer* buffer);

}  // namespace clip
