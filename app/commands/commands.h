// The commands of the program: one file each, and a row each in commands.cpp.
#pragma once

#include <CLI/App.hpp>
#include <functional>

#include "manual/description.h"

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
void setup_config(CLI::App* config, Command* command);
void setup_completions(CLI::App* completions, Command* command);
void setup_manual(CLI::App* manual, Command* command);

// The program and its commands. Only the one that is named gets its options, before it is parsed:
// all of them would cost every start some milliseconds. `ready` is then called with it.
void setup_program(CLI::App* app, Command* command, const std::function<void(CLI::App*)>& ready);

// The program with the options of all commands. It lives as long as the process, and parses
// nothing.
CLI::App& whole_program();
CommandText describe_program();

// Whether defaults of a configuration file are for this command: not for those that are about it,
// or that shells call.
bool is_configurable(const CLI::App& command);

}  // namespace clip_cli
