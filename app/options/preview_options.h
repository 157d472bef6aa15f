// --preview: results' images in the terminal, beside their rows.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>

#include "terminal/preview.h"
#include "writers/formats.h"

namespace clip_cli {

struct PreviewOptions {
  std::string mode;  // of --preview or --preview=MODE; empty where neither is given
};

void add_preview_option(CLI::App* command, PreviewOptions* options);

// For results in `format` on standard output; null where no preview is asked for. Without a mode,
// CLIP_PREVIEW chooses it, else the terminal. Throws UsageError for a mode that there is none of,
// for a format that is not for eyes, and where standard output is no terminal and no mode is named;
// clip::Error where libchafa is not installed.
std::unique_ptr<Preview> make_preview(const PreviewOptions& options, const OutputFormat& format);

}  // namespace clip_cli
