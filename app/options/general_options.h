// What every command has: --color, --config and --no-config.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace clip_cli {

constexpr const char* kGeneralGroup = "General";

struct GeneralOptions {
  std::string color;   // --color; empty where it is not given
  std::string config;  // --config
  bool no_config = false;
};

// The arguments in the order in which commands take them: `clip-cli --color never score ...` and
// `clip-cli help score` are `clip-cli score ... --color never` and `clip-cli score --help`. They
// point into argv, or live as long as the process.
std::vector<char*> rearranged(int argc, char** argv);

// From the arguments, before they are parsed: errors of parsing have colours, too, and the
// configuration file has to be known before it.
GeneralOptions general_options(int argc, char** argv);

// Adds them to a command. Their values on the command line are those of general_options(); --color
// of a configuration file is taken here.
void add_general_options(CLI::App* command);

}  // namespace clip_cli
