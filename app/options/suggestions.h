// What a mistyped command or option may have been meant as.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace clip_cli {

// The innermost command that the command line has named; the program where there is none.
const CLI::App& named_command(const CLI::App& app);
CLI::App& named_command(CLI::App& app);

// "clip-cli models pull"
std::string full_name(const CLI::App& command);

// A message that names the word that stands where a command should and is none, and the nearest
// command; empty where there is no such word.
std::string unknown_command(const CLI::App& command, const std::vector<std::string>& arguments);

// A message that names the unknown command or option among the arguments, and the nearest one that
// there is. Empty where none is unknown.
std::string suggestion_for(const CLI::App& command, const std::vector<std::string>& arguments);

}  // namespace clip_cli
