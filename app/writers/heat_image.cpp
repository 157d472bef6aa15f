#include "writers/heat_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "clip/error.h"
#include "image/jpeg_encode.h"
#include "image/png_encode.h"
#include "image/thumbnail.h"
#include "writers/opencv.h"

namespace clip_cli {
namespace {

std::string caption_of(const std::string& prompt, std::size_t number, double cosine) {
  const bool ascii =
      std::all_of(prompt.begin(), prompt.end(), [](char c) { return ' ' <= c && c <= '~'; });
  return fmt::format("{:.2f}  {}", 100 * cosine, ascii ? prompt : fmt::format("#{}", number + 1));
}

// Without captions. What has no fall, or padding alone, has no heat.
HeatDrawing drawing_of(const clip::Image& image, const clip::Frame& frame,
                       const clip::HeatGrid& grid) {
  HeatDrawing drawing;
  drawing.width = static_cast<int>(image.width);
  drawing.height = static_cast<int>(image.height);
  for (std::int64_t y = 0; y < image.height; ++y) {
    drawing.pixels.insert(drawing.pixels.end(), image.row(y), image.row(y) + 3 * image.width);
  }
  drawing.left = frame.left * drawing.width;
  drawing.top = frame.top * drawing.height;
  drawing.across = frame.width * drawing.width;
  drawing.down = frame.height * drawing.height;
  drawing.cells = static_cast<int>(grid.cells);
  double hottest = 0;
  for (const double fall : grid.falls) {
    if (fall > hottest) hottest = fall;
  }
  const auto area = static_cast<std::size_t>(grid.cells * grid.cells);
  for (std::int64_t text = 0; text < grid.texts; ++text) {
    HeatPanel panel;
    for (std::size_t cell = 0; cell < area; ++cell) {
      const double fall = grid.falls[static_cast<std::size_t>(text) * area + cell];
      panel.heat.push_back(fall > 0 ? fall / hottest : 0);
    }
    if (const auto max = clip::max_cell(grid, text)) {
      panel.max = static_cast<int>(max->row * grid.cells + max->column);
    }
    drawing.panels.push_back(std::move(panel));
  }
  return drawing;
}

DrawHeat load() {
  return opencv_module("heat").symbol<DrawHeat>(kDrawHeat);
}

DrawnImage drawn(const HeatDrawing& drawing) {
  DrawnImage image;
  load()(drawing, &image);
  return image;
}

}  // namespace

std::string heat_file(const HeatSheet& sheet, const std::string& path) {
  constexpr int kQuality = 92;
  if (sheet.prompts.size() > kMaxPanels) {
    throw clip::Error(clip::ErrorCode::kLimit,
                      fmt::format("{} prompts are too many for one image (at most {})",
                                  sheet.prompts.size(), kMaxPanels));
  }
  HeatDrawing drawing = drawing_of(sheet.image, sheet.frame, *sheet.grid);
  for (std::size_t i = 0; i < sheet.prompts.size(); ++i) {
    drawing.panels[i].caption = caption_of(sheet.prompts[i], i, sheet.grid->cosines[i]);
  }
  const DrawnImage image = drawn(drawing);
  return clip::extension_of(path) == "png" ? clip::encode_png(image_of(image))
                                           : clip::encode_jpeg(image_of(image), kQuality);
}

void require_heat() {
  load();
}

bool names_heat_file(const std::string& path) {
  const std::string ending = clip::extension_of(path);
  return ending == "png" || ending == "jpg" || ending == "jpeg";
}

std::string heat_thumbnail(const std::string& jpeg, const clip::Frame& frame,
                           const clip::HeatGrid& grid) {
  constexpr int kQuality = 80;
  const clip::Image decoded = clip::decode_bytes(jpeg, "a thumbnail", {});
  const auto side = static_cast<int>(std::max(decoded.width, decoded.height));
  HeatDrawing drawing = drawing_of(clip::thumbnail(decoded, side), frame, grid);
  drawing.thumbnail = true;
  const DrawnImage image = drawn(drawing);
  return clip::encode_jpeg(image_of(image), kQuality);
}

clip::Frame shares_of(const clip::Frame& frame, std::int64_t width, std::int64_t height) {
  const auto across = static_cast<double>(width), down = static_cast<double>(height);
  return {frame.left / across, frame.top / down, frame.width / across, frame.height / down};
}

}  // namespace clip_cli
