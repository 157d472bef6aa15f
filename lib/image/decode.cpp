#include <fmt/format.h>

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "base/byte_reader.h"
#include "base/file.h"
#include "clip/error.h"
#include "clip/image.h"
#include "image/header.h"
#include "image/jpeg_decode.h"
#include "image/opencv_view.h"
#include "image/pixel_buffer.h"

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
    case PixelMode::kCmyk:
      return cv::IMREAD_COLOR | kAsStored;
    case PixelMode::kGrayAlpha:
    case PixelMode::kRgba:
      return cv::IMREAD_UNCHANGED;
    case PixelMode::kInteger:
      return cv::IMREAD_GRAYSCALE | cv::IMREAD_ANYDEPTH | kAsStored;
  }
  return cv::IMREAD_COLOR;
}

// By how much a JPEG is to be reduced while it is decoded: 1, 2, 4 or 8.
int reduction(const ImageHeader& header, std::uint64_t min_side_after_scaling) {
  if (min_side_after_scaling == 0) return 1;
  const std::uint64_t shorter = std::min(header.width, header.height);
  int scale = 1;
  while (scale < 8 && shorter / (2 * scale) >= min_side_after_scaling) scale *= 2;
  return scale;
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

// Turns the image upright: 2 to 8 are a mirror image, half a turn, and so on, by EXIF's table.
cv::Mat upright(const cv::Mat& image, int orientation) {
  cv::Mat result;
  switch (orientation) {
    case 2:
      cv::flip(image, result, 1);
      return result;
    case 3:
      cv::rotate(image, result, cv::ROTATE_180);
      return result;
    case 4:
      cv::flip(image, result, 0);
      return result;
    case 5:
      cv::transpose(image, result);
      return result;
    case 6:
      cv::rotate(image, result, cv::ROTATE_90_CLOCKWISE);
      return result;
    case 7:
      cv::transpose(image, result);
      cv::rotate(result, result, cv::ROTATE_180);
      return result;
    case 8:
      cv::rotate(image, result, cv::ROTATE_90_COUNTERCLOCKWISE);
      return result;
    default:
      return image;
  }
}

// Takes over what OpenCV has decoded.
Image to_image(cv::Mat decoded, const ImageHeader& header) {
  Image image;
  image.mode = header.mode;
  if (decoded.depth() == CV_16U && header.mode != PixelMode::kInteger) {
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
  image.width = decoded.cols;
  image.height = decoded.rows;
  image.channels = decoded.channels();
  image.data = decoded.data;
  image.stride = static_cast<std::ptrdiff_t>(decoded.step[0]);
  image.owner = std::make_shared<const cv::Mat>(std::move(decoded));
  return image;
}

// libtiff turns images by itself, whatever OpenCV is asked for: it is told that this one is
// upright already.
std::string as_upright_tiff(std::string_view bytes, const ImageHeader& header) {
  std::string copy(bytes);
  const bool big_endian = copy[0] == 'M';
  copy[header.orientation_offset] = big_endian ? 0 : 1;
  copy[header.orientation_offset + 1] = big_endian ? 1 : 0;
  return copy;
}

// The chunks that make the pixels. libpng complains on stderr about the rest, colour profiles above
// all, and uses none of it here. The header has been read, so the chunks are known to be whole.
std::string essential_chunks(std::string_view bytes) {
  constexpr std::size_t kSignature = 8, kAround = 12;  // bytes: length, type and CRC
  const ByteReader reader(bytes);
  std::string copy(bytes.substr(0, kSignature));
  for (std::size_t at = kSignature;;) {
    const std::size_t size = kAround + reader.u32(at);
    const std::string_view type = bytes.substr(at + 4, 4);
    if (type == "IHDR" || type == "PLTE" || type == "tRNS" || type == "IDAT" || type == "IEND") {
      copy += bytes.substr(at, size);
    }
    if (type == "IEND") return copy;
    at += size;
  }
}

cv::Mat decode_prepared(std::string_view bytes, const ImageHeader& header) {
  if (header.format == ImageFormat::kPng) return decode(essential_chunks(bytes), header.mode);
  if (header.format == ImageFormat::kTiff && header.orientation != 1) {
    return decode(as_upright_tiff(bytes, header), header.mode);
  }
  // OpenCV wants something behind the last number of a text file.
  if (header.format == ImageFormat::kPnm && bytes[1] <= '3') {
    return decode(std::string(bytes) + '\n', header.mode);
  }
  return decode(bytes, header.mode);
}

Image decode_checked(std::string_view bytes, const DecodeOptions& options, PixelBuffer* buffer) {
  const ImageHeader header = read_header(bytes, options.max_pixels);
  if (bytes.size() > 0x7fffffff) throw Error(ErrorCode::kLimit, "it is larger than 2 GiB");
  // The orientation of a TIFF is a tag of the format itself, which Pillow always follows.
  const bool turned =
      (!options.ignore_exif || header.format == ImageFormat::kTiff) && header.orientation != 1;
  if (header.format == ImageFormat::kJpeg && header.mode != PixelMode::kCmyk) {
    const int scale = reduction(header, options.min_side_after_scaling);
    PixelBuffer own;
    Image image = decode_jpeg(bytes, header, scale, buffer != nullptr ? buffer : &own);
    if (!turned) return image;
    return to_image(upright(opencv_view(image), header.orientation), header);
  }
  cv::Mat image = decode_prepared(bytes, header);
  if (image.empty()) {
    throw Error(ErrorCode::kCorrupt, fmt::format("it is damaged: its {} data cannot be decoded",
                                                 name_of(header.format)));
  }
  if (static_cast<std::uint64_t>(image.cols) != header.width ||
      static_cast<std::uint64_t>(image.rows) != header.height) {
    throw Error(ErrorCode::kCorrupt, "it is damaged: it decodes to another size than it says");
  }
  if (turned) image = upright(image, header.orientation);
  return to_image(std::move(image), header);
}

}  // namespace

Image decode_bytes(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                   PixelBuffer* buffer) {
  try {
    return decode_checked(bytes, options, buffer);
  } catch (const Error& error) {
    throw error.within("cannot use " + name);
  }
}

Image decode_file(const std::string& path, const DecodeOptions& options, PixelBuffer* buffer) {
  return decode_bytes(read_file(path), path, options, buffer);
}

}  // namespace clip
