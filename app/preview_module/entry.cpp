// The module's side: an image becomes text or graphics of the terminal by libchafa. All other
// symbols of it are hidden. The calls are those of libchafa 1.12, which later ones have too.
//
// What a terminal can do is looked up by its environment (TERM, TERM_PROGRAM, COLORTERM, ...) in
// libchafa's database of terminals; nothing is asked of the terminal itself, so nothing is read
// from it either. Inside tmux and screen the environment is that of another terminal, and what is
// not text does not get through unless they are set up for it: there, images are text unless
// another mode is asked for by name.

#include "preview_module/entry.h"

#include <chafa.h>

#include <cstdlib>
#include <cstring>
#include <memory>

namespace clip_cli {
namespace {

template <typename T, void (*unref)(T*)>
struct Unref {
  void operator()(T* object) const { unref(object); }
};
using TermInfo = std::unique_ptr<ChafaTermInfo, Unref<ChafaTermInfo, chafa_term_info_unref>>;
using SymbolMap = std::unique_ptr<ChafaSymbolMap, Unref<ChafaSymbolMap, chafa_symbol_map_unref>>;
using Config =
    std::unique_ptr<ChafaCanvasConfig, Unref<ChafaCanvasConfig, chafa_canvas_config_unref>>;
using Canvas = std::unique_ptr<ChafaCanvas, Unref<ChafaCanvas, chafa_canvas_unref>>;

bool has(const TermInfo& terminal, ChafaTermSeq sequence) {
  return chafa_term_info_have_seq(terminal.get(), sequence) != 0;
}

bool is_multiplexed() {
  const char* term = std::getenv("TERM");
  const auto begins = [&](const char* name) {
    return term != nullptr && std::strncmp(term, name, std::strlen(name)) == 0;
  };
  return std::getenv("TMUX") != nullptr || std::getenv("STY") != nullptr || begins("tmux") ||
         begins("screen");
}

ChafaPixelMode pixel_mode(const TermInfo& terminal, PreviewMode mode) {
  switch (mode) {
    case PreviewMode::kSymbols:
      return CHAFA_PIXEL_MODE_SYMBOLS;
    case PreviewMode::kKitty:
      return CHAFA_PIXEL_MODE_KITTY;
    case PreviewMode::kSixel:
      return CHAFA_PIXEL_MODE_SIXELS;
    case PreviewMode::kIterm:
      return CHAFA_PIXEL_MODE_ITERM2;
    case PreviewMode::kAuto:
      break;
  }
  if (is_multiplexed()) return CHAFA_PIXEL_MODE_SYMBOLS;
  if (has(terminal, CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1)) return CHAFA_PIXEL_MODE_KITTY;
  if (has(terminal, CHAFA_TERM_SEQ_BEGIN_ITERM2_IMAGE)) return CHAFA_PIXEL_MODE_ITERM2;
  if (has(terminal, CHAFA_TERM_SEQ_BEGIN_SIXELS)) return CHAFA_PIXEL_MODE_SIXELS;
  return CHAFA_PIXEL_MODE_SYMBOLS;
}

ChafaCanvasMode canvas_mode(const TermInfo& terminal, ChafaPixelMode mode) {
  if (mode != CHAFA_PIXEL_MODE_SYMBOLS) return CHAFA_CANVAS_MODE_TRUECOLOR;
  if (has(terminal, CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT)) return CHAFA_CANVAS_MODE_TRUECOLOR;
  // Without the first 16, which people give other colours.
  if (has(terminal, CHAFA_TERM_SEQ_SET_COLOR_FGBG_256)) return CHAFA_CANVAS_MODE_INDEXED_240;
  if (has(terminal, CHAFA_TERM_SEQ_SET_COLOR_FGBG_16)) return CHAFA_CANVAS_MODE_INDEXED_16;
  if (has(terminal, CHAFA_TERM_SEQ_INVERT_COLORS)) return CHAFA_CANVAS_MODE_FGBG_BGFG;
  return CHAFA_CANVAS_MODE_FGBG;
}

void draw(const PreviewRequest& request, std::string* bytes) {
  ChafaTermDb* database = chafa_term_db_get_default();
  char** environment = g_get_environ();
  const TermInfo terminal(chafa_term_db_detect(database, environment));
  g_strfreev(environment);
  const ChafaPixelMode pixels = pixel_mode(terminal, request.mode);
  const ChafaCanvasMode colors = canvas_mode(terminal, pixels);
  // For a mode that was asked for by name, and is not known of this terminal.
  const TermInfo fallback(chafa_term_db_get_fallback_info(database));
  chafa_term_info_supplement(terminal.get(), fallback.get());

  const SymbolMap symbols(chafa_symbol_map_new());
  for (const ChafaSymbolTags tag : {CHAFA_SYMBOL_TAG_SPACE, CHAFA_SYMBOL_TAG_SOLID,
                                    CHAFA_SYMBOL_TAG_HALF, CHAFA_SYMBOL_TAG_QUAD}) {
    chafa_symbol_map_add_by_tags(symbols.get(), tag);
  }
  const PreviewBox& box = request.box;
  gint columns = box.columns, rows = box.rows;
  chafa_calc_canvas_geometry(request.width, request.height, &columns, &rows,
                             static_cast<gfloat>(box.cell_width) / box.cell_height,
                             /*zoom=*/FALSE, /*stretch=*/FALSE);
  const Config config(chafa_canvas_config_new());
  chafa_canvas_config_set_geometry(config.get(), columns, rows);
  chafa_canvas_config_set_cell_geometry(config.get(), box.cell_width, box.cell_height);
  chafa_canvas_config_set_pixel_mode(config.get(), pixels);
  chafa_canvas_config_set_canvas_mode(config.get(), colors);
  chafa_canvas_config_set_symbol_map(config.get(), symbols.get());

  const Canvas canvas(chafa_canvas_new(config.get()));
  if (canvas == nullptr) return;
  chafa_canvas_draw_all_pixels(canvas.get(), CHAFA_PIXEL_RGB8, request.pixels, request.width,
                               request.height, request.stride);
  GString* printed = chafa_canvas_print(canvas.get(), terminal.get());
  bytes->assign(printed->str, printed->len);
  g_string_free(printed, TRUE);
  // Sixels leave the cursor below the image, all others behind its last row.
  *bytes += pixels == CHAFA_PIXEL_MODE_SIXELS ? "\r" : "\r\n";
}

}  // namespace
}  // namespace clip_cli

extern "C" __attribute__((visibility("default"))) void clip_preview_entry(
    const clip_cli::PreviewRequest& request, std::string* bytes) {
  bytes->clear();
  clip_cli::draw(request, bytes);
}
