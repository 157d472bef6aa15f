// The one symbol that the module shows to the program. Both are built together, so that plain C++
// types pass between them.
#pragma once

#include <cstdint>
#include <string>

#include "terminal/preview.h"

namespace clip_cli {

// One image to be drawn.
struct PreviewRequest {
  const std::uint8_t* pixels = nullptr;  // [height, width, 3], RGB
  int width = 0, height = 0, stride = 0;
  PreviewBox box;
  PreviewMode mode = PreviewMode::kAuto;
};

// The bytes that draw it on the terminal that the environment describes; empty where libchafa
// cannot. They leave the cursor at the beginning of the line below the image.
constexpr const char* kPreviewEntry = "clip_preview_entry";
using PreviewEntry = void (*)(const PreviewRequest& request, std::string* bytes);

}  // namespace clip_cli
