// `clip-cli models`: its own commands, one file each.
#pragma once

#include <CLI/App.hpp>

#include "clip/error.h"
#include "commands/commands.h"
#include "service/json.h"

namespace clip_cli {

void setup_models_list(CLI::App* models, Command* command);
void setup_models_pull(CLI::App* models, Command* command);
void setup_models_verify(CLI::App* models, Command* command);
void setup_models_remove(CLI::App* models, Command* command);
void setup_models_prepare(CLI::App* models, Command* command);
void setup_models_inspect(CLI::App* models, Command* command);
void setup_models_self_test(CLI::App* models, Command* command);

// An error as their JSON has it: {"code": "not_found", "message": ...}.
clip::Json error_json(const clip::Error& error);

}  // namespace clip_cli
