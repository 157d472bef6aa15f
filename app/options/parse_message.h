// What is said of a command line that CLI11 does not take, in the words of this program.
#pragma once

#include <CLI/Error.hpp>
#include <string>

namespace clip_cli {

// CLI11's own message where it is clear.
std::string message_of(const CLI::ParseError& error);

}  // namespace clip_cli
