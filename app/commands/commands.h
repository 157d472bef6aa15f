// The commands of the program: one file each, and a row each in commands.cpp.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

// What runs when the command line has been parsed. It returns the exit code.
using Command = std::function<int()>;

// Each adds a command; when it is the one that is named, `*command` becomes what to run.
void setup_score(CLI::App* app, Command* command);
void setup_classify(CLI::App* app, Command* command);
void setup_evaluate(CLI::App* app, Command* command);
void setup_search(CLI::App* app, Command* command);
void setup_index(CLI::App* app, Command* command);
void setup_duplicates(CLI::App* app, Command* command);
void setup_batch(CLI::App* app, Command* command);
void setup_embed(CLI::App* app, Command* command);
void setup_tokenize(CLI::App* app, Command* command);
void setup_models(CLI::App* app, Command* command);
void setup_benchmark(CLI::App* app, Command* command);

// Adds them all, in the order of help.
void setup_commands(CLI::App* app, Command* command);

}  // namespace clip_cli
