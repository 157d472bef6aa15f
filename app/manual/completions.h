// Completions of command lines, for shells: the commands, options and choices are in the script,
// while names of models and sets are asked of the program (`clip-cli completions --words KIND`).
#pragma once

#include <string>
#include <vector>

#include "manual/description.h"

namespace clip_cli {

std::string bash_completions(const CommandText& program);
std::string zsh_completions(const CommandText& program);
std::string fish_completions(const CommandText& program);

// What `completions --words` calls a kind of words, null where the shell needs no help.
const char* dynamic_name(Words kind);

// Those that complete a value of that kind, the shorter list that people choose from.
std::vector<std::string> dynamic_words(Words kind);

}  // namespace clip_cli
