#include "options/run_options.h"

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>

namespace clip_cli {

void add_run_options(CLI::App* command, RunOptions* options) {
  command->add_option("--batch", options->batch, "Images encoded at once: more need more memory")
      ->check(CLI::Range(1, 256))
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("-q,--quiet", options->quiet,
                    "Print no progress, no notices and no summary at the end");
}

}  // namespace clip_cli
