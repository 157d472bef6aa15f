// Where a model looks in an image.
#pragma once

#include <cstdint>

#include "clip/preprocessing.h"

namespace clip {

// A rectangle in pixels of an image, whose edges may lie within pixels, or outside the image.
struct Frame {
  double left = 0, top = 0, width = 0, height = 0;
};

// Which part of an image of this size the model's square input shows, in pixels of the image: the
// middle of it (kShortestSide), all (kSquash), or more than the image, where zeros surround it
// (kLongestSide).
Frame input_frame(std::int64_t width, std::int64_t height, const Preprocessing& rule);

}  // namespace clip
