// A confusion matrix as an image: a row for each class, a column for each predicted class, and the
// darker a cell, the larger its share of the row.
#pragma once

#include <string>
#include <vector>

#include "zero_shot/accuracy.h"

namespace clip_cli {

// A PNG file. Labels that OpenCV has no letters for, which are those beyond ASCII, are drawn as the
// number of their class, from 1. Throws clip::Error (kLimit) for more classes than an image can
// show.
std::string confusion_png(const clip::Accuracy& accuracy, const std::vector<std::string>& labels);

}  // namespace clip_cli
