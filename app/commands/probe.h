// `clip-cli probe`: its own commands, one file each.
#pragma once

#include <CLI/App.hpp>

#include "commands/commands.h"

namespace clip_cli {

void setup_probe_train(CLI::App* probe, Command* command);
void setup_probe_apply(CLI::App* probe, Command* command);

}  // namespace clip_cli
