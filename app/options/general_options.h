// What every command has: --color, --config and --no-config.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace clip_cli {

constexpr const char* kGeneralGroup = "General";

struct GeneralOptions {
  std::string color;   // --color; empty where it is not given
  std::string config;  // --config
  bool no_config = false;
};

// From the arguments, before they are parsed: errors of parsing have colours, too, and the
// configuration file has to be known before it.
GeneralOptions general_options(int argc, char** argv);

// Adds them to a command. Their values on the command line are those of general_options(); --color
// of a configuration file is taken here.
void add_general_options(CLI::App* command);

}  // namespace clip_cli
