// An image under the heat of an explanation (explain/heat_grid.h), as a file.
#pragma once

#include <string>
#include <vector>

#include "clip/image.h"
#include "explain/heat_grid.h"
#include "image/input_frame.h"

namespace clip_cli {

constexpr int kPanelSide = 640;         // pixels that an image is drawn with at most
constexpr std::size_t kMaxPanels = 64;  // prompts of one file

struct HeatSheet {
  clip::Image image;  // RGB of 8 bits: clip::thumbnail, of kPanelSide
  clip::Frame frame;  // where the grid lies, in shares of the image's width and height
  const clip::HeatGrid* grid = nullptr;
  std::vector<std::string> prompts;  // [texts]
};

// A PNG or JPEG file, by the ending of `path`: the image, and beside it the image under the heat of
// each prompt, which has one scale for all: the largest fall of any is the hottest. A ring marks
// each prompt's largest. Prompts that OpenCV has no letters for, which are those beyond ASCII, are
// drawn as their number. Throws clip::Error (kLimit) for more than kMaxPanels prompts.
std::string heat_file(const HeatSheet& sheet, const std::string& path);

// Whether the path ends as a file does that heat_file writes: in .png, .jpg or .jpeg.
bool names_heat_file(const std::string& path);

// Throws clip::Error where nothing can be drawn, since OpenCV is not installed.
void require_heat();

// Of a thumbnail, which is a JPEG file: another one, with the image and beside it the image under
// the heat of the grid's one prompt. `frame`: as in HeatSheet.
std::string heat_thumbnail(const std::string& jpeg, const clip::Frame& frame,
                           const clip::HeatGrid& grid);

// A frame in pixels of an image of that size, in shares of it.
clip::Frame shares_of(const clip::Frame& frame, std::int64_t width, std::int64_t height);

}  // namespace clip_cli
