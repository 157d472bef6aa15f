#include <fcntl.h>

#include <string>

#include "base/file.h"
#include "base/strings.h"
#include "clip/image.h"
#include "image/header.h"

namespace clip {

const std::vector<const char*>& image_extensions() {
  static const std::vector<const char*> extensions = {"jpg",  "jpeg", "jpe",  "jfif", "png",
                                                      "webp", "tif",  "tiff", "bmp",  "dib",
                                                      "pbm",  "pgm",  "ppm",  "pnm"};
  return extensions;
}

bool has_image_extension(std::string_view path) {
  const std::string extension = extension_of(path);
  for (const char* known : image_extensions()) {
    if (extension == known) return true;
  }
  return false;
}

bool begins_like_an_image(const std::string& path) {
  // A pipe without a writer must not be waited for.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return false;
  char first[16];
  const ssize_t count = read_some(file.get(), first, sizeof first);
  return count > 0 && has_signature(std::string_view(first, static_cast<std::size_t>(count)));
}

}  // namespace clip
