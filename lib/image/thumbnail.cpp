#include "image/thumbnail.h"

#include <algorithm>
#include <memory>
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

// Gray, or blue, green and red, of 8 bits.
cv::Mat shrunk(const Image& image, int side) {
  const double scale = std::min(1.0, double(side) / double(std::max(image.width, image.height)));
  const auto scaled = [scale](std::int64_t length) {
    return std::max(1, static_cast<int>(double(length) * scale + 0.5));
  };
  cv::Mat small;
  cv::resize(opencv_view(image), small, {scaled(image.width), scaled(image.height)}, 0, 0,
             cv::INTER_AREA);
  // Where 16-bit gray is resized for the model it is clipped to 255; so it is shown.
  if (small.depth() == CV_16U) small.convertTo(small, CV_8U);
  return small.channels() == 4 ? on_white(small) : small;
}

}  // namespace

Image thumbnail(const Image& image, int side) {
  const auto pixels = std::make_shared<cv::Mat>();
  try {
    *pixels = shrunk(image, side);
    if (pixels->channels() == 1) cv::cvtColor(*pixels, *pixels, cv::COLOR_GRAY2BGR);
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::kInternal, "cannot make a thumbnail of it: " + error.err);
  }
  Image copy;
  copy.width = pixels->cols;
  copy.height = pixels->rows;
  copy.data = pixels->data;
  copy.stride = static_cast<std::ptrdiff_t>(pixels->step);
  copy.owner = pixels;
  return copy;
}

std::string jpeg_thumbnail(const Image& image, int side) {
  constexpr int kQuality = 80;
  try {
    const cv::Mat small = shrunk(image, side);
    std::vector<std::uint8_t> file;
    cv::imencode(".jpg", small, file, {cv::IMWRITE_JPEG_QUALITY, kQuality});
    return std::string(file.begin(), file.end());
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::kInternal, "cannot make a thumbnail of it: " + error.err);
  }
}

}  // namespace clip
