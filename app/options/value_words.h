// What an option's value may be, beyond its type: for help, manual pages and completions.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

namespace clip_cli {

enum class Words {
  kAny,          // nothing is known
  kFile,         // the path of a file
  kFolder,       // the path of a folder
  kModel,        // a model's name, or the path of a file or folder
  kModelName,    // a published model's name
  kLabelSet,     // the name of a built-in label set
  kTemplateSet,  // the name of a built-in set of templates
  kChoices,      // one of a few words
  kCommand,      // the name of a command
};

struct ValueWords {
  Words kind = Words::kAny;
  std::vector<std::string> choices;  // of kChoices
  std::vector<std::string>
      variables;  // of the environment, which count before a configuration file
  std::vector<std::string> alternatives;  // options that mean something else instead: "--output"
};

// The option's entry, which lives as long as the process. Options that nothing was said of get one
// by the name of their value: FILE, DIR, FOLDER, MODEL and so on.
ValueWords& value_words(CLI::Option* option);
ValueWords value_words_of(const CLI::Option* option);

// The value must be one of these words.
void allow_only(CLI::Option* option, const std::vector<std::string>& choices);

}  // namespace clip_cli
