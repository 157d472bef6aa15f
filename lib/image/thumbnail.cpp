#include "image/thumbnail.h"

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "error.h"

namespace clip {
namespace {

// The picture's own pixels, not copied.
cv::Mat view(const Picture& picture) {
  const int depth = picture.mode == PixelMode::kInteger ? CV_16U : CV_8U;
  return cv::Mat(static_cast<int>(picture.height), static_cast<int>(picture.width),
                 CV_MAKETYPE(depth, picture.channels), const_cast<std::uint8_t*>(picture.data),
                 static_cast<std::size_t>(picture.stride));
}

cv::Mat on_white(const cv::Mat& image) {
  cv::Mat flat(image.rows, image.cols, CV_8UC3);
  for (int y = 0; y < image.rows; ++y) {
    const auto* from = image.ptr<cv::Vec4b>(y);
    auto* to = flat.ptr<cv::Vec3b>(y);
    for (int x = 0; x < image.cols; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        const int white = 255 * (255 - from[x][3]);
        to[x][channel] =
            static_cast<std::uint8_t>((from[x][channel] * from[x][3] + white + 127) / 255);
      }
    }
  }
  return flat;
}

}  // namespace

std::string jpeg_thumbnail(const Picture& picture, int side) {
  constexpr int kQuality = 80;
  const double scale =
      std::min(1.0, double(side) / double(std::max(picture.width, picture.height)));
  const auto scaled = [scale](std::int64_t length) {
    return std::max(1, static_cast<int>(double(length) * scale + 0.5));
  };
  try {
    cv::Mat image;
    cv::resize(view(picture), image, {scaled(picture.width), scaled(picture.height)}, 0, 0,
               cv::INTER_AREA);
    // Where 16-bit gray is resized for the model it is clipped to 255; so it is shown.
    if (image.depth() == CV_16U) image.convertTo(image, CV_8U);
    if (image.channels() == 4) image = on_white(image);
    std::vector<std::uint8_t> file;
    cv::imencode(".jpg", image, file, {cv::IMWRITE_JPEG_QUALITY, kQuality});
    return std::string(file.begin(), file.end());
  } catch (const cv::Exception& error) {
    throw Error("cannot make a thumbnail of it: " + error.err);
  }
}

}  // namespace clip
