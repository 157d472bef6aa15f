#include "options/preview_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "options/value_words.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

// An image's box: large enough to know an image again, small enough for several on one screen.
constexpr int kColumns = 40, kRows = 12;

PreviewMode mode_named(const std::string& name, const char* where) {
  const auto mode = preview_mode(name);
  if (!mode) {
    throw UsageError(
        fmt::format("{}: '{}' is not auto, symbols, kitty, sixel or iterm", where, name));
  }
  return *mode;
}

}  // namespace

void add_preview_option(CLI::App* command, PreviewOptions* options) {
  // A flag, so that the word after it stays an argument: a value needs the equals sign.
  CLI::Option* preview =
      command
          ->add_flag("--preview{auto}", options->mode,
                     "Show the images in the terminal, as graphics or as coloured blocks\n"
                     "Without a mode, as kitty, sixel or iTerm2 graphics where the terminal is "
                     "known to have "
                     "them, else as coloured blocks. The environment variable CLIP_PREVIEW chooses "
                     "a mode, "
                     "too.")
          ->type_name("MODE")
          ->group("Output");
  value_words(preview).kind = Words::kChoices;
  value_words(preview).choices = {"auto", "symbols", "kitty", "sixel", "iterm"};
  value_words(preview).variables = {"CLIP_PREVIEW"};
}

std::unique_ptr<Preview> make_preview(const PreviewOptions& options, const OutputFormat& format) {
  if (options.mode.empty()) return nullptr;
  PreviewMode mode = mode_named(options.mode, "--preview");
  const char* chosen = std::getenv("CLIP_PREVIEW");
  if (mode == PreviewMode::kAuto && chosen != nullptr && *chosen != '\0') {
    mode = mode_named(chosen, "CLIP_PREVIEW");
  }
  if (format.name != std::string("table")) {
    throw UsageError(fmt::format("--preview is for the table, and not for {}", format.name));
  }
  if (mode == PreviewMode::kAuto && ::isatty(STDOUT_FILENO) != 1) {
    throw UsageError("--preview needs a terminal; --preview=symbols writes colours anywhere");
  }
  return std::make_unique<Preview>(preview_box(STDOUT_FILENO, kColumns, kRows), mode);
}

}  // namespace clip_cli
