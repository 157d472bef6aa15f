// `clip-cli models`: what model files hold, and the folder of published ones.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

// Adds the command with all of its own; when one is named, `*command` becomes what to run.
void setup_models(CLI::App* app, std::function<int()>* command);

// Each adds one of them.
void setup_models_list(CLI::App* models, std::function<int()>* command);
void setup_models_pull(CLI::App* models, std::function<int()>* command);
void setup_models_verify(CLI::App* models, std::function<int()>* command);
void setup_models_remove(CLI::App* models, std::function<int()>* command);
void setup_models_inspect(CLI::App* models, std::function<int()>* command);
void setup_models_check(CLI::App* models, std::function<int()>* command);

}  // namespace clip_cli
