// Images in a terminal, by libchafa, which is a module inside the binary and loaded by the first
// Preview: as graphics where the terminal has them (kitty's, iTerm2's, sixels), else as half blocks
// and quarter blocks in the colours that it has.
#pragma once

#include <optional>
#include <string>

#include "clip/image.h"

namespace clip_cli {

enum class PreviewMode {
  kAuto,  // the best that the terminal is known to have; in tmux and screen always symbols
  kSymbols,
  kKitty,
  kSixel,
  kIterm,
};

// "auto", "symbols", "kitty", "sixel" and "iterm"; nothing for other names.
std::optional<PreviewMode> preview_mode(const std::string& name);

// Where an image has to fit in: `columns` x `rows` cells of the terminal, and the size of a cell in
// pixels.
struct PreviewBox {
  int columns = 0, rows = 0;
  int cell_width = 10, cell_height = 20;
};

// A box as wide as the terminal behind a descriptor, but not wider or higher than these numbers of
// cells. The size of a cell is the terminal's own, where that says it.
PreviewBox preview_box(int descriptor, int max_columns, int max_rows);

class Preview {
 public:
  // Throws clip::Error (kUnsupported), which names the package, where libchafa is not installed.
  Preview(const PreviewBox& box, PreviewMode mode);

  // The bytes that draw an image at the beginning of a line, with its proportions kept, and leave
  // the cursor at the beginning of the line below it. What is transparent is white. For a terminal
  // alone: in a file they are noise. Throws clip::Error.
  std::string of(const clip::Image& image) const;

  // Of the box, in pixels, the longer one: more than that no image needs to have.
  int side() const;

 private:
  const PreviewBox box_;
  const PreviewMode mode_;
};

}  // namespace clip_cli
