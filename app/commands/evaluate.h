// `clip-cli evaluate DIR`: how often the zero-shot labels of a folder of class folders are right.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

void setup_evaluate(CLI::App* app, std::function<int()>* command);

}  // namespace clip_cli
