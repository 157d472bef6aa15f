// The module that draws by OpenCV (opencv_module/entry.h), which is loaded when something is drawn.
#pragma once

#include "base/module.h"
#include "clip/image.h"
#include "opencv_module/entry.h"

namespace clip_cli {

// `what` is drawn, for the message where OpenCV is not installed: "a confusion matrix". Throws
// clip::Error where it is not, and std::bad_alloc where there is no room for it.
clip::Module opencv_module(const char* what);

// A view of it: `drawn` must outlive the image.
clip::Image image_of(const DrawnImage& drawn);

}  // namespace clip_cli
