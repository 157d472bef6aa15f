#include "writers/confusion_image.h"

#include <fmt/format.h>

#include "clip/error.h"
#include "image/png_encode.h"
#include "opencv_module/entry.h"
#include "writers/opencv.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxClasses = 8000;

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
  opencv_module("a confusion matrix").symbol<DrawConfusion>(kDrawConfusion)(matrix, &drawn);
  return clip::encode_png(image_of(drawn));
}

}  // namespace clip_cli
