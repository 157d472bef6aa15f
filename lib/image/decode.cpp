#include "image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <utility>

#include "error.h"
#include "image/byte_reader.h"
#include "image/file_bytes.h"
#include "image/jpeg_decode.h"

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
int reduction(const ImageHeader& header, std::uint64_t enough_pixels_a_side) {
  if (enough_pixels_a_side == 0) return 1;
  const std::uint64_t shorter = std::min(header.width, header.height);
  int scale = 1;
  while (scale < 8 && shorter / (2 * scale) >= enough_pixels_a_side) scale *= 2;
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
    throw Error(fmt::format("OpenCV cannot decode it: {}", error.err));
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

// Turns the picture upright: 2 to 8 are a mirror image, half a turn, and so on, by EXIF's table.
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

Picture to_picture(cv::Mat image, const ImageHeader& header) {
  Picture picture;
  picture.mode = header.mode;
  if (image.depth() == CV_16U && header.mode != PixelMode::kInteger) image = upper_bytes(image);
  const bool wide = picture.mode == PixelMode::kInteger;
  // What OpenCV made of a rare kind (a float TIFF, alpha where none was announced) decides.
  if (wide && image.depth() == CV_8U) picture.mode = PixelMode::kGray;
  if (image.depth() != (picture.mode == PixelMode::kInteger ? CV_16U : CV_8U)) {
    throw Error("its samples are neither 8 nor 16 bits; save it as a PNG");
  }
  const bool alpha = picture.mode == PixelMode::kGrayAlpha || picture.mode == PixelMode::kRgba;
  if (alpha && image.channels() == 3) picture.mode = PixelMode::kRgb;
  if (alpha && image.channels() == 1) picture.mode = PixelMode::kGray;
  if (image.channels() == 2 || image.channels() > 4) {
    throw Error("it has a number of channels that is not supported; save it as a PNG");
  }
  picture.width = image.cols;
  picture.height = image.rows;
  picture.channels = image.channels();
  picture.data = image.data;
  picture.stride = static_cast<std::ptrdiff_t>(image.step[0]);
  picture.owner = std::make_shared<const cv::Mat>(std::move(image));
  return picture;
}

// libtiff turns pictures by itself, whatever OpenCV is asked for: it is told that this one is
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

// A view of the picture's pixels, which must outlive it.
cv::Mat view(const Picture& picture) {
  return cv::Mat(static_cast<int>(picture.height), static_cast<int>(picture.width),
                 CV_8UC(picture.channels), const_cast<std::uint8_t*>(picture.data),
                 static_cast<std::size_t>(picture.stride));
}

Picture decode_checked(std::string_view bytes, const DecodeOptions& options, PixelStore* store) {
  const ImageHeader header = read_header(bytes, options.max_pixels);
  if (bytes.size() > 0x7fffffff) throw Error("it is larger than 2 GiB");
  // The orientation of a TIFF is a tag of the format itself, which Pillow always follows.
  const bool turned =
      (!options.ignore_exif || header.format == ImageFormat::kTiff) && header.orientation != 1;
  if (header.format == ImageFormat::kJpeg && header.mode != PixelMode::kCmyk) {
    const int scale = reduction(header, options.enough_pixels_a_side);
    PixelStore own;
    Picture picture = decode_jpeg(bytes, header, scale, store != nullptr ? store : &own);
    if (!turned) return picture;
    return to_picture(upright(view(picture), header.orientation), header);
  }
  cv::Mat image = decode_prepared(bytes, header);
  if (image.empty()) {
    throw Error(
        fmt::format("it is damaged: its {} data cannot be decoded", name_of(header.format)));
  }
  if (static_cast<std::uint64_t>(image.cols) != header.width ||
      static_cast<std::uint64_t>(image.rows) != header.height) {
    throw Error("it is damaged: it decodes to another size than it says");
  }
  if (turned) image = upright(image, header.orientation);
  return to_picture(std::move(image), header);
}

}  // namespace

Picture decode_bytes(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                     PixelStore* store) {
  try {
    return decode_checked(bytes, options, store);
  } catch (const Error& error) {
    throw Error(fmt::format("cannot use {}: {}", name, error.what()));
  }
}

Picture decode_file(const std::string& path, const DecodeOptions& options, PixelStore* store) {
  return decode_bytes(read_file(path), path, options, store);
}

}  // namespace clip
