#include "image/formats/opencv_decode.h"

#include <fmt/format.h>

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "clip/error.h"

namespace clip {
namespace {

// What OpenCV is asked for, so that the pixels are those that Pillow's mode has.
int read_flags(PixelMode mode) {
  constexpr int kAsStored = cv::IMREAD_IGNORE_ORIENTATION;
  switch (mode) {
    case PixelMode::kBilevel:
    case PixelMode::kGray:
      return cv::IMREAD_GRAYSCALE | kAsStored;
    case PixelMode::kPalette:
    case PixelMode::kRgb:
    case PixelMode::kBands:
      return cv::IMREAD_COLOR | kAsStored;
    case PixelMode::kGrayAlpha:
    case PixelMode::kRgba:
      return cv::IMREAD_UNCHANGED;
    case PixelMode::kInteger:
      return cv::IMREAD_GRAYSCALE | cv::IMREAD_ANYDEPTH | kAsStored;
  }
  return cv::IMREAD_COLOR;
}

cv::Mat decode(std::string_view bytes, PixelMode mode) {
  // Its own log goes to stderr, which is for people; what it says is in our errors.
  static const auto silenced =
      cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  static_cast<void>(silenced);
  const cv::Mat file(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  try {
    return cv::imdecode(file, read_flags(mode));
  } catch (const cv::Exception& error) {
    throw Error(ErrorCode::kCorrupt, fmt::format("OpenCV cannot decode it: {}", error.err));
  }
}

// Samples of 16 bits become 8 by their upper byte, as in Pillow; but for kInteger.
cv::Mat upper_bytes(const cv::Mat& image) {
  cv::Mat narrow(image.rows, image.cols, CV_8UC(image.channels()));
  for (int y = 0; y < image.rows; ++y) {
    const auto* from = image.ptr<std::uint16_t>(y);
    auto* to = narrow.ptr<std::uint8_t>(y);
    for (int i = 0; i < image.cols * image.channels(); ++i) {
      to[i] = static_cast<std::uint8_t>(from[i] >> 8);
    }
  }
  return narrow;
}

// Takes over what OpenCV has decoded.
Image to_image(cv::Mat decoded, PixelMode mode) {
  Image image;
  image.mode = mode;
  if (decoded.depth() == CV_16U && mode != PixelMode::kInteger) {
    decoded = upper_bytes(decoded);
  }
  // What OpenCV made of a rare kind (a float TIFF, alpha where none was announced) decides.
  const bool wide = image.mode == PixelMode::kInteger;
  if (wide && decoded.depth() == CV_8U) image.mode = PixelMode::kGray;
  if (decoded.depth() != (image.mode == PixelMode::kInteger ? CV_16U : CV_8U)) {
    throw Error(ErrorCode::kUnsupported, "its samples are neither 8 nor 16 bits; save it as a PNG");
  }
  const bool alpha = image.mode == PixelMode::kGrayAlpha || image.mode == PixelMode::kRgba;
  if (alpha && decoded.channels() == 3) image.mode = PixelMode::kRgb;
  if (alpha && decoded.channels() == 1) image.mode = PixelMode::kGray;
  if (decoded.channels() == 2 || decoded.channels() > 4) {
    throw Error(ErrorCode::kUnsupported,
                "it has a number of channels that is not supported; save it as a PNG");
  }
  if (decoded.channels() == 3) cv::cvtColor(decoded, decoded, cv::COLOR_BGR2RGB);
  if (decoded.channels() == 4) cv::cvtColor(decoded, decoded, cv::COLOR_BGRA2RGBA);
  if (image.mode == PixelMode::kBands) image.mode = PixelMode::kRgb;
  image.width = decoded.cols;
  image.height = decoded.rows;
  image.channels = decoded.channels();
  image.data = decoded.data;
  image.stride = static_cast<std::ptrdiff_t>(decoded.step[0]);
  image.owner = std::make_shared<const cv::Mat>(std::move(decoded));
  return image;
}

}  // namespace

Image decode_by_opencv(std::string_view bytes, PixelMode mode, const char* format) {
  if (bytes.size() > 0x7fffffff) throw Error(ErrorCode::kLimit, "it is larger than 2 GiB");
  cv::Mat image = decode(bytes, mode);
  if (image.empty()) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("it is damaged: its {} data cannot be decoded", format));
  }
  return to_image(std::move(image), mode);
}

}  // namespace clip
