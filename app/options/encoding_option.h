// --encoding, for commands that read files of texts.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace clip_cli {

void add_encoding_option(CLI::App* command, std::string* encoding, const char* group = "Options");

}  // namespace clip_cli
