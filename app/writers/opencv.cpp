#include "writers/opencv.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <new>

extern "C" const clip::EmbeddedFile clip_opencv_module[];

namespace clip_cli {
namespace {

// OpenCV brings OpenBLAS, whose loading asks for 128 MiB for ever where the system gives none.
void require_room() {
  constexpr std::size_t kRoom = std::size_t{384} << 20;  // bytes of addresses; no page is touched
  void* const room =
      ::mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  ::munmap(room, kRoom);
}

}  // namespace

clip::Module opencv_module(const char* what) {
  require_room();
  return clip::Module(clip_opencv_module[0], fmt::format("drawing {} needs OpenCV", what),
                      CLIP_OPENCV_PACKAGE);
}

clip::Image image_of(const DrawnImage& drawn) {
  clip::Image image;
  image.width = drawn.width;
  image.height = drawn.height;
  image.data = drawn.pixels.data();
  image.stride = 3 * image.width;
  return image;
}

}  // namespace clip_cli
