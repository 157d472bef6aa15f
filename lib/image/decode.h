// Picture files to pixels, through libjpeg and OpenCV, as Pillow would open them.
//
// Where OpenCV's decoders give other pixels than Pillow's:
// - CMYK (JPEG, TIFF): OpenCV converts to RGB while decoding, by a formula of its own; Pillow
// resizes
//   in CMYK and converts afterwards.
// - TIFF with alpha: libtiff multiplies the colours by alpha; Pillow keeps them.
// - 16-bit gray TIFF: Pillow cannot resize it; it is treated as 16-bit gray PNG is.
// - PNM whose largest value is not 255, 65535 or 1: rounded in another way.
// There the resampling is still equal on the decoded pixels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "image/picture.h"
#include "image/pixel_store.h"

namespace clip {

struct DecodeOptions {
  std::uint64_t max_pixels = 500'000'000;  // larger pictures are refused from their header
  bool ignore_exif = false;                // leave the picture as stored, as OpenAI's code does
  // JPEG: decode at the smallest of 1/2, 1/4, 1/8 of the size whose shorter side still has as many
  // pixels. 0: at full size. Such pixels are averages of the whole ones, not Pillow's.
  std::uint64_t enough_pixels_a_side = 0;
};

// Throws Error naming the file, for one that cannot be read, is no picture, is cut short, damaged,
// or larger than allowed. `store`: where its pixels may go; null: memory of its own.
Picture decode_file(const std::string& path, const DecodeOptions& options,
                    PixelStore* store = nullptr);

// The same for a file in memory; `name` is for the error.
Picture decode_bytes(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                     PixelStore* store = nullptr);

}  // namespace clip
