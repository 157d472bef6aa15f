// The program's commands and options as plain data, read from what CLI11 was told of them: the one
// source of help, manual pages, and completions.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "options/value_words.h"

namespace clip_cli {

struct OptionText {
  std::vector<std::string> names;  // "-m", "--model"; of an argument its name alone
  bool is_argument = false;
  bool is_required = false;
  bool is_repeatable = false;
  bool takes_value = true;
  bool value_is_optional = false;     // --preview[=MODE]
  std::string value;                  // what it is called: "MODEL"
  std::string group;                  // "Images"
  std::string summary;                // one line, with the default in brackets
  std::string details;                // more sentences, for the manual; may be empty
  std::string default_value;          // as CLI11 knows it; may be empty
  std::string variable;               // of the environment, that stands for it; may be empty
  std::vector<std::string> excludes;  // names of options that it cannot be given with
  ValueWords words;
};

struct CommandText {
  std::vector<std::string> path;  // "clip-cli", "models", "pull"
  std::string summary, details;
  std::vector<OptionText> arguments, options;  // without hidden ones
  std::vector<std::string> notes;              // paragraphs behind the options
  std::string jobs;                            // lines of input that are shown as they are
  std::vector<std::string> examples;
  std::vector<CommandText> commands;  // without hidden ones
};

// Of a command whose options are set up, and of all below it.
CommandText describe(const CLI::App& command);

// "clip-cli models pull", or with another word between.
std::string full_name(const CommandText& command, const char* between = " ");

// "-m, --model MODEL", "--preview[=MODE]"; of an argument "[PATH...]".
std::string usage_of(const OptionText& option);

// The groups of the options, in their order.
std::vector<std::string> groups_of(const CommandText& command);

}  // namespace clip_cli
