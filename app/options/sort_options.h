// Whether images are filed into folders, and how (run/sort_into.h).
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "run/sort_into.h"

namespace clip_cli {

struct SortOptions {
  std::string folder;            // --sort-into; empty: they are not
  std::optional<SortMethod> by;  // none: by links
  bool dry_run = false;
};

// --sort-into, --by and --dry-run. `what` is put where: "each image into a folder
// DIR/LABEL".
void add_sort_options(CLI::App* command, SortOptions* options, const std::string& what);

}  // namespace clip_cli
