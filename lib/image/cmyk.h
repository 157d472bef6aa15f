// CMYK to RGB as Pillow converts it, without a colour profile.
#pragma once

#include <cstddef>
#include <cstdint>

namespace clip {

void cmyk_to_rgb(const std::uint8_t* cmyk, std::size_t count, std::uint8_t* rgb);

}  // namespace clip
