// How a run over many images goes.
#pragma once

#include <CLI/App.hpp>
#include <cstddef>

namespace clip_cli {

struct RunOptions {
  std::size_t batch = 16;  // images encoded at once
  bool quiet = false;
};

void add_run_options(CLI::App* command, RunOptions* options);

}  // namespace clip_cli
