// Settings of the configuration file as values of options: behind what the command line and the
// environment say.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "configuration/file.h"

namespace clip_cli {

// A setting and the option of a command that it is for.
struct AppliedSetting {
  const Setting* setting;
  CLI::Option* option;
};

// Gives each option of the command that neither the command line nor the environment has set the
// value that the file has for it: that of the innermost section, else that at the top. What cannot
// be given together with options of the command line is left out, and so is what needs options that
// are not given. Throws UsageError, which names file and line, for a value that the option does not
// take, and for two settings of one section that exclude each other.
std::vector<AppliedSetting> apply_configuration(const ConfigurationFile& file, CLI::App* command);

// Options that the file sets need not be on the command line. Before it is parsed.
void relax_required(const ConfigurationFile& file, CLI::App* command);

// Throws UsageError, with the nearest name, for the first key and the first section that no command
// has. All options of `program` must be set up.
void check_configuration(const ConfigurationFile& file, const CLI::App& program);

// Whether options of that name mean so different things that one value at the top of the file would
// be wrong for some: a probability here, a cosine there.
bool is_for_sections(const std::string& key);

// The names that an option has in the file; none where it cannot be set there.
std::vector<std::string> configuration_keys(const CLI::App& command, const CLI::Option& option);

}  // namespace clip_cli
