#include "terminal/preview.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "base/module.h"
#include "clip/error.h"
#include "image/thumbnail.h"
#include "preview_module/entry.h"
#include "terminal/columns.h"

extern "C" const clip::EmbeddedFile clip_preview_module[];

namespace clip_cli {
namespace {

PreviewEntry load() {
  const clip::Module module(clip_preview_module[0], "a preview needs libchafa", "libchafa0");
  return module.symbol<PreviewEntry>(kPreviewEntry);
}

// Loaded by the first call; one that fails is tried again by the next.
PreviewEntry loaded() {
  static const PreviewEntry entry = load();
  return entry;
}

}  // namespace

std::optional<PreviewMode> preview_mode(const std::string& name) {
  static const std::pair<const char*, PreviewMode> modes[] = {
      {"auto", PreviewMode::kAuto},   {"symbols", PreviewMode::kSymbols},
      {"kitty", PreviewMode::kKitty}, {"sixel", PreviewMode::kSixel},
      {"iterm", PreviewMode::kIterm},
  };
  for (const auto& [known, mode] : modes) {
    if (name == known) return mode;
  }
  return std::nullopt;
}

PreviewBox preview_box(int descriptor, int max_columns, int max_rows) {
  PreviewBox box;
  box.columns = std::clamp(terminal_width(descriptor) - 1, 1, std::max(max_columns, 1));
  box.rows = std::max(max_rows, 1);
  winsize size = {};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    box.rows = std::clamp(size.ws_row - 1, 1, box.rows);
    if (size.ws_xpixel >= size.ws_col && size.ws_ypixel >= size.ws_row) {
      box.cell_width = size.ws_xpixel / size.ws_col;
      box.cell_height = size.ws_ypixel / size.ws_row;
    }
  }
  return box;
}

Preview::Preview(const PreviewBox& box, PreviewMode mode) : box_(box), mode_(mode) {
  loaded();
}

int Preview::side() const {
  return std::max(box_.columns * box_.cell_width, box_.rows * box_.cell_height);
}

std::string Preview::of(const clip::Image& image) const {
  const clip::Image small = clip::thumbnail(image, side());
  PreviewRequest request;
  request.pixels = small.data;
  request.width = static_cast<int>(small.width);
  request.height = static_cast<int>(small.height);
  request.stride = static_cast<int>(small.stride);
  request.box = box_;
  request.mode = mode_;
  std::string bytes;
  loaded()(request, &bytes);
  if (bytes.empty()) {
    throw clip::Error(clip::ErrorCode::kInternal, "libchafa cannot draw a preview of it");
  }
  return bytes;
}

}  // namespace clip_cli
