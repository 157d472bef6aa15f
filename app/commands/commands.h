// The commands of the program: one file each, and a row each in commands.cpp.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

// What runs when the command line has been parsed. It returns the exit code.
using Command = std::function<int()>;

// Each gives a command its options; when the command line is parsed, `*command` becomes what to
// run.
void setup_score(CLI::App* score, Command* command);
void setup_classify(CLI::App* classify, Command* command);
void setup_evaluate(CLI::App* evaluate, Command* command);
void setup_probe(CLI::App* probe, Command* command);
void setup_search(CLI::App* search, Command* command);
void setup_index(CLI::App* index, Command* command);
void setup_duplicates(CLI::App* duplicates, Command* command);
void setup_batch(CLI::App* batch, Command* command);
void setup_embed(CLI::App* embed, Command* command);
void setup_explain(CLI::App* explain, Command* command);
void setup_tokenize(CLI::App* tokenize, Command* command);
void setup_models(CLI::App* models, Command* command);
void setup_benchmark(CLI::App* benchmark, Command* command);

// Adds them all. Only the one that is named gets its options: all of them would cost every start
// some milliseconds.
void setup_commands(CLI::App* app, Command* command);

}  // namespace clip_cli
