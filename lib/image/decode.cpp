#include "base/file.h"
#include "clip/error.h"
#include "clip/image.h"
#include "image/formats/formats.h"
#include "image/pixel_buffer.h"
#include "image/upright.h"

namespace clip {
namespace {

Image decode_checked(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                     PixelBuffer* buffer) {
  const ImageFormat& format = known_format_of(bytes, name);
  const ImageHeader header = read_header(format, bytes, options.max_pixels);
  PixelBuffer own;
  const Image image = format.decode(bytes, header, options, buffer != nullptr ? buffer : &own);
  const bool turned = header.always_upright || !options.ignore_exif;
  return turned ? upright(image, header.orientation) : image;
}

}  // namespace

Image decode_bytes(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                   PixelBuffer* buffer) {
  try {
    return decode_checked(bytes, name, options, buffer);
  } catch (const Error& error) {
    throw error.within("cannot use " + name);
  }
}

Image decode_file(const std::string& path, const DecodeOptions& options, PixelBuffer* buffer) {
  return decode_bytes(read_file(path), path, options, buffer);
}

}  // namespace clip
