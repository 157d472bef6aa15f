#include "writers/confusion_image.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <new>

#include "base/module.h"
#include "clip/error.h"
#include "image/png_encode.h"
#include "opencv_module/entry.h"

extern "C" const clip::EmbeddedFile clip_opencv_module[];

namespace clip_cli {
namespace {

constexpr std::size_t kMaxClasses = 8000;

// OpenCV brings OpenBLAS, whose loading asks for 128 MiB for ever where the system gives none.
void require_room() {
  constexpr std::size_t kRoom = std::size_t{384} << 20;  // bytes of addresses; no page is touched
  void* const room =
      ::mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  ::munmap(room, kRoom);
}

DrawConfusion load() {
  require_room();
  const clip::Module module(clip_opencv_module[0], "drawing a confusion matrix needs OpenCV",
                            CLIP_OPENCV_PACKAGE);
  return module.symbol<DrawConfusion>(kDrawConfusion);
}

}  // namespace

std::string confusion_png(const clip::Accuracy& accuracy, const std::vector<std::string>& labels) {
  if (labels.size() > kMaxClasses) {
    throw clip::Error(clip::ErrorCode::kLimit,
                      fmt::format("a matrix of {} classes is too large for an image (at most {})",
                                  labels.size(), kMaxClasses));
  }
  ConfusionMatrix matrix;
  matrix.labels = labels;
  for (std::size_t truth = 0; truth < labels.size(); ++truth) {
    matrix.images.push_back(accuracy.images(truth));
    for (std::size_t predicted = 0; predicted < labels.size(); ++predicted) {
      matrix.counts.push_back(accuracy.confusion(truth, predicted));
    }
  }
  DrawnImage drawn;
  load()(matrix, &drawn);
  clip::Image image;
  image.width = drawn.width;
  image.height = drawn.height;
  image.data = drawn.pixels.data();
  image.stride = 3 * image.width;
  return clip::encode_png(image);
}

}  // namespace clip_cli
