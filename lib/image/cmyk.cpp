#include "image/cmyk.h"

#include <algorithm>

namespace clip {

void cmyk_to_rgb(const std::uint8_t* cmyk, std::size_t count, std::uint8_t* rgb) {
  for (std::size_t i = 0; i < count; ++i, cmyk += 4, rgb += 3) {
    const int light = 255 - cmyk[3];
    for (int channel = 0; channel < 3; ++channel) {
      // The product over 255, rounded, by shifts.
      const int product = cmyk[channel] * light + 128;
      rgb[channel] =
          static_cast<std::uint8_t>(std::max(light - ((product + (product >> 8)) >> 8), 0));
    }
  }
}

}  // namespace clip
