// An image whose pixels a decoder is about to write.
#pragma once

#include <cstddef>
#include <cstdint>

#include "clip/image.h"
#include "image/formats/format.h"
#include "image/pixel_buffer.h"

namespace clip {

struct NewImage {
  Image image;
  std::uint8_t* pixels = nullptr;  // not yet set; rows follow each other without padding

  std::uint8_t* row(std::uint64_t y) const {
    return pixels + static_cast<std::size_t>(y) * static_cast<std::size_t>(image.stride);
  }
};

// The size must have been checked against the limit. kInteger has samples of 16 bits.
inline NewImage new_image(const ImageHeader& header, PixelMode mode, int channels,
                          PixelBuffer* buffer) {
  NewImage made;
  Image& image = made.image;
  image.width = static_cast<std::int64_t>(header.width);
  image.height = static_cast<std::int64_t>(header.height);
  image.channels = channels;
  image.mode = mode;
  image.stride = image.width * channels * (mode == PixelMode::kInteger ? 2 : 1);
  const auto pixels = buffer->take(static_cast<std::size_t>(image.stride * image.height));
  image.data = made.pixels = pixels.get();
  image.owner = pixels;
  return made;
}

}  // namespace clip
