#include "image/png_encode.h"

#include <png.h>

#include "clip/error.h"

namespace clip {

std::string encode_png(const Image& image) {
  png_image file = {};
  file.version = PNG_IMAGE_VERSION;
  file.width = static_cast<png_uint_32>(image.width);
  file.height = static_cast<png_uint_32>(image.height);
  file.format = image.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const auto stride = static_cast<png_int_32>(image.stride);
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(file), '\0');
  png_alloc_size_t size = bytes.size();
  const bool done =
      png_image_write_to_memory(&file, bytes.data(), &size, 0, image.data, stride, nullptr) != 0;
  png_image_free(&file);
  if (!done) {
    throw Error(ErrorCode::kInternal, std::string("libpng cannot encode it: ") + file.message);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace clip
