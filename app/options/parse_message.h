// What is said of a command line that CLI11 does not take, in the words of this program.
#pragma once

#include <CLI/App.hpp>
#include <CLI/Error.hpp>
#include <string>

namespace clip_cli {

// Throws UsageError for an option that names a file, a folder or a model by an empty word, as where
// a variable of the shell is not set.
void refuse_empty_names(const CLI::App& command);

// CLI11's own message where it is clear.
std::string message_of(const CLI::ParseError& error);

}  // namespace clip_cli
