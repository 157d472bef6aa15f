#include "image/formats/formats.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "image/formats/unreadable.h"

namespace clip {
namespace {

void check_size(const ImageHeader& header, std::uint64_t max_pixels) {
  if (header.width == 0 || header.height == 0) {
    throw Error(ErrorCode::kCorrupt, "it says that it has no pixels");
  }
  // So that products of a side and the bytes of a pixel stay far from the ends of their types.
  constexpr std::uint64_t kMaxSide = 1 << 20;
  if (header.width > kMaxSide || header.height > kMaxSide) {
    throw Error(ErrorCode::kLimit,
                fmt::format("it has {} x {} pixels; the longest side that can be read has {}",
                            header.width, header.height, kMaxSide));
  }
  if (header.width * header.height > max_pixels) {
    throw Error(ErrorCode::kLimit,
                fmt::format("it has {} x {} pixels, {:.6g} megapixels; the limit is {:.6g}",
                            header.width, header.height,
                            1e-6 * double(header.width * header.height), 1e-6 * double(max_pixels)),
                Hint::kRaisePixelLimit);
  }
}

}  // namespace

const std::vector<const ImageFormat*>& image_formats() {
  static const std::vector<const ImageFormat*> formats = {
      &kJpegFormat, &kPngFormat,      &kGifFormat,  &kWebpFormat, &kTiffFormat, &kBmpFormat,
      &kPnmFormat,  &kJpeg2000Format, &kHeicFormat, &kAvifFormat, &kIcoFormat,
      &kTgaFormat,  // has no signature, and so stands last
  };
  return formats;
}

const ImageFormat* format_of(std::string_view bytes) {
  for (const ImageFormat* format : image_formats()) {
    if (format->matches(bytes.substr(0, kSignatureBytes))) return format;
  }
  return nullptr;
}

const ImageFormat& known_format_of(std::string_view bytes, std::string_view path) {
  const ImageFormat* format = format_of(bytes);
  if (format != nullptr) return *format;
  const char* description = description_of_unreadable(bytes.substr(0, kKindBytes), path);
  if (description != nullptr) throw Error(ErrorCode::kUnsupported, description);
  throw Error(ErrorCode::kUnsupported,
              fmt::format("unsupported image format (supported: {})", image_format_names()));
}

ImageHeader read_header(const ImageFormat& format, std::string_view bytes,
                        std::uint64_t max_pixels) {
  const ImageHeader header = format.read_header(bytes);
  check_size(header, max_pixels);
  return header;
}

std::vector<std::string> image_extensions() {
  std::vector<std::string> extensions;
  for (const ImageFormat* format : image_formats()) {
    std::istringstream words(format->extensions);
    for (std::string word; words >> word;) extensions.push_back(word);
  }
  return extensions;
}

std::string image_format_names() {
  std::string names;
  for (const ImageFormat* format : image_formats()) {
    names += (names.empty() ? "" : ", ") + std::string(format->name);
  }
  return names;
}

bool has_image_extension(std::string_view path) {
  static const std::vector<std::string> extensions = image_extensions();
  return std::find(extensions.begin(), extensions.end(), extension_of(path)) != extensions.end();
}

FileKind kind_of_bytes(std::string_view first_bytes, std::string_view path) {
  FileKind kind;
  kind.unreadable = name_of_unreadable(first_bytes.substr(0, kKindBytes), path);
  kind.is_image = kind.unreadable == nullptr && format_of(first_bytes) != nullptr;
  return kind;
}

FileKind kind_of_file(const std::string& path) {
  // A pipe without a writer must not be waited for.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  FileKind kind;
  if (!file.valid() && is_fault(errno)) throw file_error("read", path, errno);
  if (!file.valid()) return kind;
  char first[kKindBytes];
  const ssize_t count = read_some(file.get(), first, sizeof first);
  if (count < 0 && is_fault(errno) && errno != EISDIR && errno != EAGAIN) {
    throw file_error("read", path, errno);
  }
  if (count <= 0) return kind;
  return kind_of_bytes({first, static_cast<std::size_t>(count)}, path);
}

bool begins_like_an_image(const std::string& path) {
  return kind_of_file(path).is_image;
}

}  // namespace clip
