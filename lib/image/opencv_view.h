// An image as OpenCV sees it. Include in .cpp files only.
#pragma once

#include <cstddef>
#include <opencv2/core.hpp>

#include "clip/image.h"

namespace clip {

// The image's own pixels, not copied: it must outlive the view.
inline cv::Mat opencv_view(const Image& image) {
  const int depth = image.mode == PixelMode::kInteger ? CV_16U : CV_8U;
  return cv::Mat(static_cast<int>(image.height), static_cast<int>(image.width),
                 CV_MAKETYPE(depth, image.channels), const_cast<std::uint8_t*>(image.data),
                 static_cast<std::size_t>(image.stride));
}

}  // namespace clip
