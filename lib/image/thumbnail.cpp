#include "image/thumbnail.h"

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "clip/error.h"
#include "image/opencv_view.h"

namespace clip {
namespace {

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

std::string jpeg_thumbnail(const Image& image, int side) {
  constexpr int kQuality = 80;
  const double scale = std::min(1.0, double(side) / double(std::max(image.width, image.height)));
  const auto scaled = [scale](std::int64_t length) {
    return std::max(1, static_cast<int>(double(length) * scale + 0.5));
  };
  try {
    cv::Mat small;
    cv::resize(opencv_view(image), small, {scaled(image.width), scaled(image.height)}, 0, 0,
               cv::INTER_AREA);
    // Where 16-bit gray is resized for the model it is clipped to 255; so it is shown.
    if (small.depth() == CV_16U) small.convertTo(small, CV_8U);
    if (small.channels() == 4) small = on_white(small);
    std::vector<std::uint8_t> file;
    cv::imencode(".jpg", small, file, {cv::IMWRITE_JPEG_QUALITY, kQuality});
    return std::string(file.begin(), file.end());
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::kInternal, "cannot make a thumbnail of it: " + error.err);
  }
}

}  // namespace clip
