// `clip-cli classify PATH...`: zero-shot labels for pictures, however many.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

void setup_classify(CLI::App* app, std::function<int()>* command);

}  // namespace clip_cli
