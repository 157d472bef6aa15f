// One image format: a file of this folder, and a row of the table (formats.h).
#pragma once

#include <cstdint>
#include <string_view>

#include "clip/image.h"

namespace clip {

class PixelBuffer;

// What a file says of its image before it is decoded. Reading it takes no memory for pixels.
struct ImageHeader {
  std::uint64_t width = 0, height = 0;  // pixels, as stored
  int orientation = 1;                  // EXIF 2.3, 4.6.4.A: 1 to 8; 1 is upright
  // The orientation belongs to the format itself, as in a TIFF: Pillow follows it always.
  bool always_upright = false;
  // What decoding takes at its peak, in bytes, as far as the header tells; 0: 4 bytes a pixel.
  std::uint64_t decode_bytes = 0;
};

struct ImageFormat {
  const char* name;        // "JPEG"
  const char* extensions;  // in lower case, separated by spaces: "jpg jpeg jpe jfif"

  // Whether a file that begins with these bytes is of this format. kSignatureBytes are given, or
  // the whole file where it is smaller. Formats are asked in the order of the table.
  bool (*matches)(std::string_view first_bytes);

  // `bytes`, here and below: the whole file. Throws Error (kCorrupt) when it is cut short or
  // structurally damaged, (kUnsupported) for a kind that cannot be decoded, so that a decoder is
  // never given half a file. Messages go on from "cannot use FILE: " and do not name it.
  ImageHeader (*read_header)(std::string_view bytes);

  // The pixels as Pillow has them when it has loaded the file, not turned by the orientation. They
  // lie in `buffer` where that is of use. `header` is what read_header gave; its size has been
  // checked. The region of interest is of the image as stored. Throws Error as above; prints
  // nothing.
  Image (*decode)(std::string_view bytes, const ImageHeader& header, const DecodeOptions& options,
                  PixelBuffer* buffer);
};

constexpr std::size_t kSignatureBytes = 64;

}  // namespace clip
