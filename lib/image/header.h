// What an image's first bytes say: format, size, kind of pixels, orientation. Recognised by
// content, not by name. Reading it takes no memory for pixels, and checks that the file is whole as
// far as its structure tells, so that a decoder is never given half a file.
#pragma once

#include <cstdint>
#include <string_view>

#include "clip/image.h"

namespace clip {

enum class ImageFormat { kJpeg, kPng, kWebp, kTiff, kBmp, kPnm };

const char* name_of(ImageFormat format);  // "JPEG"

struct ImageHeader {
  ImageFormat format;
  std::uint64_t width = 0, height = 0;  // pixels, as stored
  PixelMode mode = PixelMode::kRgb;
  int orientation = 1;  // EXIF 2.3, 4.6.4.A: 1 to 8; 1 is upright
  // TIFF: where in the file the orientation's 16-bit value stands, else 0.
  std::uint64_t orientation_offset = 0;
};

// Throws Error when the bytes are no image of a known format, when it has more than `max_pixels`,
// and when it is cut short or structurally damaged. The message does not name the file.
ImageHeader read_header(std::string_view bytes, std::uint64_t max_pixels);

// Throws Error for an image without pixels, and for one of more than `max_pixels`.
void check_size(const ImageHeader& header, std::uint64_t max_pixels);

// Whether the first bytes of a file are a signature of these formats. 16 bytes are enough to tell.
bool has_signature(std::string_view bytes);

// One for each format; `bytes` begin with its signature.
ImageHeader read_jpeg_header(std::string_view bytes, std::uint64_t max_pixels);
ImageHeader read_png_header(std::string_view bytes, std::uint64_t max_pixels);
ImageHeader read_webp_header(std::string_view bytes, std::uint64_t max_pixels);
ImageHeader read_tiff_header(std::string_view bytes, std::uint64_t max_pixels);
ImageHeader read_bmp_header(std::string_view bytes, std::uint64_t max_pixels);
ImageHeader read_pnm_header(std::string_view bytes, std::uint64_t max_pixels);

}  // namespace clip
