// Which image has which label, as people keep it: a table with a header (CSV or with tabs), or JSON
// Lines, as `classify` writes them.
#pragma once

#include <string>
#include <unordered_map>

#include "clip/cancel.h"

namespace clip_cli {

// By the image's name. The table has the columns `image` (or `filepath`, `path`, `filename`) and
// `label` (or `class`); a line of FILE.jsonl has the fields `image` and `label`, and one with an
// error is left out. Throws clip::Error naming file and line for what is no such line, for an image
// that has two labels, and where there is none at all.
std::unordered_map<std::string, std::string> read_label_table(
    const std::string& path, const std::string& encoding, const clip::CancelToken* stop = nullptr);

}  // namespace clip_cli
