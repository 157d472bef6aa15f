#include "image/header.h"

#include <fmt/format.h>

#include "base/byte_reader.h"
#include "clip/error.h"

namespace clip {

using namespace std::string_view_literals;

const char* name_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kWebp:
      return "WebP";
    case ImageFormat::kTiff:
      return "TIFF";
    case ImageFormat::kBmp:
      return "BMP";
    case ImageFormat::kPnm:
      return "PNM";
  }
  return "";
}

void check_size(const ImageHeader& header, std::uint64_t max_pixels) {
  if (header.width == 0 || header.height == 0)
    throw Error(ErrorCode::kCorrupt, "it says that it has no pixels");
  // OpenCV reads no side of more than 2^20 pixels.
  constexpr std::uint64_t kMaxSide = 1 << 20;
  if (header.width > kMaxSide || header.height > kMaxSide) {
    throw Error(ErrorCode::kLimit,
                fmt::format("it has {} x {} pixels; the longest side that can be read has {}",
                            header.width, header.height, kMaxSide));
  }
  if (header.width * header.height > max_pixels) {
    throw Error(ErrorCode::kLimit,
                fmt::format("it has {} x {} pixels, {:.1f} megapixels; the limit is {:.0f}",
                            header.width, header.height,
                            1e-6 * double(header.width * header.height), 1e-6 * double(max_pixels)),
                Hint::kRaisePixelLimit);
  }
}

namespace {

enum class Signature { kNone, kJpeg, kPng, kWebp, kTiff, kBigTiff, kBmp, kPnm };

Signature signature_of(std::string_view bytes) {
  const ByteReader reader(bytes);
  if (reader.starts_with(0, "\xff\xd8\xff"sv)) return Signature::kJpeg;
  if (reader.starts_with(0, "\x89PNG\r\n\x1a\n"sv)) return Signature::kPng;
  if (reader.starts_with(0, "RIFF"sv) && reader.starts_with(8, "WEBP"sv)) return Signature::kWebp;
  if (reader.starts_with(0, "II\x2a\0"sv) || reader.starts_with(0, "MM\0\x2a"sv)) {
    return Signature::kTiff;
  }
  if (reader.starts_with(0, "II\x2b\0"sv) || reader.starts_with(0, "MM\0\x2b"sv)) {
    return Signature::kBigTiff;
  }
  if (reader.starts_with(0, "BM"sv)) return Signature::kBmp;
  if (bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
      (bytes[2] == '#' || bytes[2] == ' ' || (bytes[2] >= '\t' && bytes[2] <= '\r'))) {
    return Signature::kPnm;
  }
  return Signature::kNone;
}

}  // namespace

bool has_signature(std::string_view bytes) {
  const Signature signature = signature_of(bytes);
  if (signature != Signature::kBmp) return signature != Signature::kNone;
  // Two letters begin many a text; a bitmap goes on with two reserved zeros (MS-WMF 2.2.2.1).
  return ByteReader(bytes).starts_with(6, "\0\0\0\0"sv);
}

ImageHeader read_header(std::string_view bytes, std::uint64_t max_pixels) {
  switch (signature_of(bytes)) {
    case Signature::kJpeg:
      return read_jpeg_header(bytes, max_pixels);
    case Signature::kPng:
      return read_png_header(bytes, max_pixels);
    case Signature::kWebp:
      return read_webp_header(bytes, max_pixels);
    case Signature::kTiff:
      return read_tiff_header(bytes, max_pixels);
    case Signature::kBigTiff:
      throw Error(ErrorCode::kUnsupported,
                  "it is a BigTIFF, which is not supported; save it as a TIFF or PNG");
    case Signature::kBmp:
      return read_bmp_header(bytes, max_pixels);
    case Signature::kPnm:
      return read_pnm_header(bytes, max_pixels);
    case Signature::kNone:
      break;
  }
  throw Error(ErrorCode::kUnsupported,
              "unsupported image format (supported: JPEG, PNG, WebP, TIFF, BMP, PNM)");
}

}  // namespace clip
