// `clip-cli config`: the configuration file, and what it and the environment set.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "commands/commands.h"
#include "configuration/apply.h"
#include "configuration/file.h"
#include "exit_code.h"
#include "manual/description.h"
#include "service/json.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/output.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct ConfigOptions {
  bool all = false, path = false, json = false, init = false;
};

// One setting, as it is in force.
struct InForce {
  std::string section;  // "models.pull"; empty at the top
  std::string key;
  Setting setting;
  std::string variable;  // that it comes from; empty: from the file
};

// In force, and what could be set, by section in the order of the commands.
class Listing {
 public:
  // `environment`: whether it counts, too.
  explicit Listing(const ConfigurationFile& file, bool environment = true) : file_(file) {
    for_each_command(&whole_program(), [&](CLI::App* command) { add_options_of(*command); });
    if (environment) read_environment();
    for (const Setting& setting : file.settings) {
      if (setting.key.empty() || is_in_environment(setting.key)) continue;
      in_force_.push_back({section_of(setting), setting.key, setting, ""});
    }
  }

  // Throws UsageError for a value that a command's option does not take.
  void check() const {
    check_configuration(file_, whole_program());
    for_each_command(&whole_program(),
                     [&](CLI::App* command) { apply_configuration(file_, command); });
  }

  std::string text(bool all) const {
    std::string text = section_text("", all);
    for (const std::string& section : sections_) text += section_text(section, all);
    return text;
  }

  void print_as_json() const {
    clip::Json settings = clip::Json::array();
    for (const InForce& each : in_force_) {
      clip::Json json = {{"section", each.section}, {"key", each.key}};
      if (each.setting.is_list) {
        json["value"] = each.setting.values;
      } else if (each.setting.is_flag) {
        json["value"] = each.setting.values.front() == "true";
      } else if (each.setting.is_number && std::isdigit(each.setting.values.front().back())) {
        // No infinity, which JSON does not have.
        json["value"] = clip::parse_json(each.setting.values.front());
      } else {
        json["value"] = each.setting.values.front();
      }
      if (each.variable.empty()) {
        json["line"] = each.setting.line;
      } else {
        json["variable"] = each.variable;
      }
      settings.push_back(std::move(json));
    }
    clip::Json json = {{"exists", file_.exists}, {"settings", std::move(settings)}};
    clip::put_name(&json, "file", file_.path);
    print_json(json);
  }

 private:
  struct Possible {
    std::string key;
    OptionText text;
    std::vector<std::string> sections;  // of the commands that have it, in the same words
  };

  static void for_each_command(CLI::App* command, const std::function<void(CLI::App*)>& use) {
    const auto below = command->get_subcommands([](const CLI::App*) { return true; });
    for (CLI::App* each : below) {
      if (!each->get_group().empty() && is_configurable(*each)) for_each_command(each, use);
    }
    if (below.empty()) use(command);
  }

  static std::string section_of(const Setting& setting) {
    return fmt::format("{}", fmt::join(setting.section, "."));
  }

  void add_options_of(const CLI::App& command) {
    const CommandText text = describe(command);
    const std::string section =
        fmt::format("{}", fmt::join(text.path.begin() + 1, text.path.end(), "."));
    // That of a group of commands, before those of the first of them.
    const std::string group = section.substr(0, section.find('.'));
    for (const std::string& name : {group, section}) {
      if (sections_.empty() || sections_.back() != name) {
        if (std::find(sections_.begin(), sections_.end(), name) == sections_.end()) {
          sections_.push_back(name);
        }
      }
    }
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_lnames().empty()) continue;
      const std::vector<std::string> keys = configuration_keys(command, *option);
      if (!option->get_envname().empty() && !keys.empty()) {
        variables_[option->get_envname()] = keys.front();
      }
      for (const std::string& key : keys) add_possible(key, *option, text, section);
    }
  }

  void add_possible(const std::string& key, const CLI::Option& option, const CommandText& command,
                    const std::string& section) {
    const std::string name = "--" + option.get_lnames().front();
    const auto text =
        std::find_if(command.options.begin(), command.options.end(), [&](const OptionText& each) {
          return std::find(each.names.begin(), each.names.end(), name) != each.names.end();
        });
    if (text == command.options.end()) return;
    for (Possible& each : possible_) {
      if (each.key != key || each.text.summary != text->summary) continue;
      each.sections.push_back(section);
      return;
    }
    possible_.push_back({key, *text, {section}});
  }

  // Of options of one name, those that most commands have; what others mean by it is in their
  // sections.
  bool is_at_top(const Possible& option) const {
    if (option.sections.size() < 2 || is_for_sections(option.key)) return false;
    // TOML has no place for both --batch and the section [batch].
    if (std::find(sections_.begin(), sections_.end(), option.key) != sections_.end()) return false;
    bool is_before = true;  // of equal ones the first is taken
    for (const Possible& each : possible_) {
      if (&each == &option) {
        is_before = false;
      } else if (each.key == option.key) {
        const std::size_t count = each.sections.size() + (is_before ? 1 : 0);
        if (count > option.sections.size()) return false;
      }
    }
    return true;
  }

  void read_environment() {
    const auto add = [&](const std::string& variable, const std::string& key,
                         const std::string& value) {
      Setting setting;
      setting.key = key;
      setting.values = {value};
      in_force_.push_back({"", key, setting, variable});
    };
    const auto value_of = [](const std::string& variable) -> std::string {
      const char* value = std::getenv(variable.c_str());
      return value == nullptr ? "" : value;
    };
    for (const auto& [variable, key] : variables_) {
      if (!value_of(variable).empty()) add(variable, key, value_of(variable));
    }
    const std::string force = value_of("CLICOLOR_FORCE");
    if (!value_of("NO_COLOR").empty()) {
      add("NO_COLOR", "color", "never");
    } else if (!force.empty() && force != "0") {
      add("CLICOLOR_FORCE", "color", "always");
    }
  }

  bool is_in_environment(const std::string& key) const {
    return std::any_of(in_force_.begin(), in_force_.end(), [&](const InForce& each) {
      return !each.variable.empty() && each.key == key;
    });
  }

  static std::string value_text(const Setting& setting) {
    const auto one = [&](const std::string& value) {
      return setting.is_flag || setting.is_number ? value : toml_string(value);
    };
    if (!setting.is_list) return one(setting.values.front());
    std::vector<std::string> values;
    for (const std::string& each : setting.values) values.push_back(toml_string(each));
    return fmt::format("[{}]", fmt::join(values, ", "));
  }

  // What stands for a value that nobody has set.
  static std::string default_text(const OptionText& option) {
    if (!option.takes_value) return "false";
    const std::string& value = option.default_value.empty() ? option.value : option.default_value;
    return option.is_repeatable ? "[" + toml_string(value) + "]" : toml_string(value);
  }

  std::string section_text(const std::string& section, bool all) const {
    std::string text;
    for (const InForce& each : in_force_) {
      if (each.section != section) continue;
      text += fmt::format(
          "{} = {}  # {}\n", each.key, value_text(each.setting),
          each.variable.empty() ? fmt::format("line {}", each.setting.line) : each.variable);
    }
    for (const Possible& each : possible_) {
      if (!all) break;
      const bool is_here = is_at_top(each) ? section.empty()
                                           : std::find(each.sections.begin(), each.sections.end(),
                                                       section) != each.sections.end();
      if (!is_here) continue;
      const bool is_set = std::any_of(in_force_.begin(), in_force_.end(), [&](const InForce& set) {
        return set.section == section && set.key == each.key;
      });
      if (!is_set)
        text +=
            fmt::format("\n# {}\n#{} = {}\n", each.text.summary, each.key, default_text(each.text));
    }
    if (text.empty() || section.empty()) return text;
    return fmt::format("\n[{}]\n{}", section, text);
  }

  const ConfigurationFile& file_;
  std::vector<std::string> sections_;
  std::vector<Possible> possible_;
  std::map<std::string, std::string> variables_;  // the key that each stands for
  std::vector<InForce> in_force_;
};

// Writes a file in which every option is a comment, where there is none.
int write_first_file(const ConfigurationPlace& place) {
  if (place.path.empty()) throw UsageError("no configuration file is read, so none is made");
  if (clip::exists(place.path)) {
    throw UsageError(fmt::format("{} is there already; edit it", place.path));
  }
  const std::filesystem::path folder = std::filesystem::path(place.path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  ConfigurationFile none;
  Output output = Output::replacing(place.path);
  output.write("# Defaults of options; `clip-cli manual config` describes this file.\n" +
               Listing(none, /*environment=*/false).text(/*all=*/true));
  output.commit();
  notice(fmt::format("{} is made: every option is in it, as a comment", place.path));
  return kDone;
}

int run_config(const ConfigOptions& options, const CLI::App& command) {
  const auto named = command.get_option("--config")->results();
  const ConfigurationPlace place = configuration_place(
      named.empty() ? "" : named.back(), command.get_option("--no-config")->count() > 0);
  if (options.path) {
    if (!place.path.empty()) fmt::print("{}\n", place.path);
    return place.path.empty() ? kFailed : kDone;
  }
  if (options.init) return write_first_file(place);
  const ConfigurationFile file = read_configuration(place);
  const Listing listing(file);
  listing.check();
  if (options.json) {
    listing.print_as_json();
    return kDone;
  }
  if (file.path.empty()) {
    fmt::print("# No configuration file is read.\n");
  } else {
    fmt::print("# {}{}\n", file.path, file.exists ? "" : ", which does not exist");
  }
  fmt::print("{}", listing.text(options.all));
  return kDone;
}

}  // namespace

void setup_config(CLI::App* config, Command* command) {
  auto options = std::make_shared<ConfigOptions>();
  config->add_flag("--all", options->all,
                   "Print also what is not set, as comments: every option and its default");
  config->add_flag("--path", options->path, "Print only where the file is, or would be");
  config->add_flag("--init", options->init, "Make the file, with every option as a comment")
      ->excludes("--all", "--path");
  config->add_flag("--json", options->json, "Print one JSON object")->excludes("--init");
  config->footer(
      "The file is TOML. Its keys are the long names of options: model = \"ViT-B/32\", json = "
      "true,\n"
      "exclude = [\"*.tmp\", \"raw/\"]. Settings at the top of the file hold for every command "
      "that "
      "has the\n"
      "option, those below [classify] or [models.pull] for that command alone, and before the "
      "others.\n\n"
      "The environment, such as CLIP_MODEL, comes before the file, and the command line before "
      "both.\n"
      "There, --json=false undoes json = true, and an option undoes settings that exclude it: "
      "--csv a\n"
      "json = true. What is an argument, as an image is, cannot be set.\n\n"
      "Examples:\n"
      "  clip-cli config\n"
      "  clip-cli config --init");
  config->callback([=] { *command = [=] { return run_config(*options, *config); }; });
}

}  // namespace clip_cli
