// The configuration file: TOML, whose keys are the long names of options. At the top they hold for
// every command that has the option; in a section, [classify] or [models.pull], for one command,
// and in [models] for all below it.
#pragma once

#include <string>
#include <vector>

namespace clip_cli {

struct Setting {
  std::vector<std::string> section;  // "models", "pull"; empty at the top
  std::string key;                   // "top-k"
  std::vector<std::string> values;   // as the command line would have them
  bool is_list = false, is_flag = false, is_number = false;
  std::size_t line = 0;

  std::string name() const;  // "models.pull.key"
};

struct ConfigurationFile {
  std::string path;  // empty: there is none
  bool exists = false;
  std::vector<Setting> settings;  // in the order of lines
};

// What the command line, or else CLIP_CONFIG, says of the file; else that in XDG_CONFIG_HOME or
// ~/.config, which need not exist.
struct ConfigurationPlace {
  std::string path;  // empty: there is none, and none is read
  bool is_named = false;
};

ConfigurationPlace configuration_place(const std::string& named, bool none);

// Throws UsageError that names the file, and the line, for what is no such file: one that cannot be
// read, is a folder or a pipe, has more than 64 KiB, or is no TOML.
ConfigurationFile read_configuration(const ConfigurationPlace& place);

// The settings of a file's text, for `path` in messages. Throws UsageError.
std::vector<Setting> parse_configuration(const std::string& text, const std::string& path);

// What can be written behind the equals sign.
std::string toml_string(const std::string& text);

}  // namespace clip_cli
