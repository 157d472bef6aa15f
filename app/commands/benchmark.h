// `clip-cli benchmark`: how fast a model runs here, and how much of that is matrix products.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

// Adds the command; when it is named, `*command` becomes what to run. It returns the exit code.
void setup_benchmark(CLI::App* app, std::function<int()>* command);

}  // namespace clip_cli
