// YCbCr to RGB as Pillow converts it: JFIF's, in whole numbers of 1/64.
#pragma once

#include <cstddef>
#include <cstdint>

namespace clip {

// In place, of `channels` a pixel, of which the first three are converted.
void ycbcr_to_rgb(std::uint8_t* pixels, std::size_t count, std::size_t channels);

}  // namespace clip
