#include "base/file.h"
#include "clip/error.h"
#include "clip/image.h"
#include "image/formats/formats.h"
#include "image/pixel_buffer.h"
#include "image/upright.h"

namespace clip {
namespace {

// The options for the image as it is stored, which is turned afterwards.
DecodeOptions as_stored(const DecodeOptions& options, int orientation) {
  DecodeOptions stored = options;
  if (!options.region_of_interest || orientation == 1) return stored;
  stored.region_of_interest = [of = options.region_of_interest, orientation](std::int64_t width,
                                                                             std::int64_t height) {
    const Region upright = is_transposed(orientation) ? of(height, width) : of(width, height);
    return stored_region(upright, width, height, orientation);
  };
  return stored;
}

Image decode_checked(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                     PixelBuffer* buffer) {
  const ImageFormat& format = known_format_of(bytes, name);
  const ImageHeader header = read_header(format, bytes, options.max_pixels);
  const bool turned = header.always_upright || !options.ignore_exif;
  const int orientation = turned ? header.orientation : 1;
  PixelBuffer own;
  const Image image = format.decode(bytes, header, as_stored(options, orientation),
                                    buffer != nullptr ? buffer : &own);
  return upright(image, orientation);
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
