// `clip-cli score`: similarity of pictures and prompts, as a matrix of pairs.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

// Adds the command; when it is named, `*command` becomes what to run. It returns the exit code.
void setup_score(CLI::App* app, std::function<int()>* command);

}  // namespace clip_cli
