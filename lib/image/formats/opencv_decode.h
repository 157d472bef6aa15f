// OpenCV's decoders.
#pragma once

#include <string_view>

#include "clip/image.h"

namespace clip {

// `format`: its name, for errors.
Image decode_by_opencv(std::string_view bytes, PixelMode mode, const char* format);

}  // namespace clip
