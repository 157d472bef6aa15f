#include "configuration/apply.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Error.hpp>
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/strings.h"
#include "commands/commands.h"
#include "options/parse_message.h"
#include "options/value_words.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

[[noreturn]] void fail(const ConfigurationFile& file, const Setting& setting,
                       const std::string& what) {
  throw UsageError(fmt::format("{}:{}: {}", file.path, setting.line, what));
}

// "models", "pull"
std::vector<std::string> path_of(const CLI::App& command) {
  std::vector<std::string> path;
  for (const CLI::App* each = &command; each->get_parent() != nullptr; each = each->get_parent()) {
    path.insert(path.begin(), each->get_name());
  }
  return path;
}

bool begins_with(const std::vector<std::string>& path, const std::vector<std::string>& section) {
  return section.size() <= path.size() && std::equal(section.begin(), section.end(), path.begin());
}

// That of the innermost section, or null.
const Setting* setting_for(const ConfigurationFile& file, const CLI::App& command,
                           const CLI::Option& option) {
  const std::vector<std::string> path = path_of(command);
  const std::vector<std::string> keys = configuration_keys(command, option);
  const Setting* found = nullptr;
  for (const Setting& setting : file.settings) {
    if (std::find(keys.begin(), keys.end(), setting.key) == keys.end()) continue;
    if (!begins_with(path, setting.section)) continue;
    if (found == nullptr || setting.section.size() > found->section.size()) found = &setting;
  }
  return found;
}

bool is_flag(const CLI::Option& option) {
  return option.get_expected_max() == 0;
}

// A flag that is false is one that is not given.
bool is_off(const Setting& setting, const CLI::Option& option) {
  return is_flag(option) && setting.is_flag && setting.values.front() == "false";
}

bool is_in_environment(const std::vector<std::string>& variables) {
  return std::any_of(variables.begin(), variables.end(), [](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr && *value != '\0';
  });
}

// Whether the command line, or the environment, has what the option cannot be given with.
bool is_excluded(const CLI::App& command, const CLI::Option& option) {
  for (const CLI::Option* other : option.get_excludes()) {
    if (other->count() > 0) return true;
  }
  for (const std::string& name : value_words_of(&option).alternatives) {
    const CLI::Option* other = command.get_option_no_throw(name);
    if (other != nullptr && other->count() > 0) return true;
  }
  return false;
}

void set(const ConfigurationFile& file, const Setting& setting, CLI::Option* option) {
  const std::string name = "--" + setting.key;
  if (setting.is_list && option->get_expected_max() <= 1) {
    fail(file, setting, fmt::format("{} takes one value, not a list", setting.key));
  }
  if (setting.is_flag && !is_flag(*option)) {
    fail(file, setting, fmt::format("{} takes a value, not true or false", setting.key));
  }
  std::vector<std::string> values = setting.values;
  try {
    if (is_flag(*option)) {
      const bool plain = option->get_flag_value(setting.key, "") == "true";
      if (plain && !setting.is_flag) {
        fail(file, setting, fmt::format("{} is true or false", setting.key));
      }
      // A variable says how, and the file that it is wanted.
      const bool by_variable = is_in_environment(value_words_of(option).variables);
      values = {option->get_flag_value(
          setting.key, setting.is_flag || by_variable ? "" : setting.values.front())};
    }
    if (values.empty()) return;
    option->add_result(values);
    option->run_callback();
  } catch (const CLI::ParseError& error) {
    fail(file, setting, message_of(error));
  } catch (const CLI::Error& error) {
    fail(file, setting, error.what());
  }
}

}  // namespace

std::vector<std::string> configuration_keys(const CLI::App& command, const CLI::Option& option) {
  // --model of commands that take the model as an argument.
  if (option.get_lnames().empty()) {
    const bool is_default = option.get_name(true) == "MODEL" && !option.get_required() &&
                            command.get_option_no_throw("--model") == nullptr;
    return is_default ? std::vector<std::string>{"model"} : std::vector<std::string>{};
  }
  if (option.get_group().empty() || &option == command.get_help_ptr()) return {};
  const std::string& name = option.get_lnames().front();
  if (name == "config" || name == "no-config") return {};
  return option.get_lnames();
}

bool is_for_sections(const std::string& key) {
  return key == "threshold";
}

std::vector<AppliedSetting> apply_configuration(const ConfigurationFile& file, CLI::App* command) {
  std::vector<AppliedSetting> wanted;
  for (CLI::Option* option : command->get_options([](CLI::Option*) { return true; })) {
    if (option->count() > 0) continue;
    const Setting* setting = setting_for(file, *command, *option);
    if (setting == nullptr || is_off(*setting, *option)) continue;
    if (is_excluded(*command, *option)) continue;
    if (!is_flag(*option) && is_in_environment(value_words_of(option).variables)) continue;
    wanted.push_back({setting, option});
  }
  // Settings of inner sections come before those of outer ones, which they may exclude.
  std::stable_sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) {
    return a.setting->section.size() > b.setting->section.size();
  });
  std::vector<AppliedSetting> taken;
  for (const AppliedSetting& each : wanted) {
    const auto& excluded = each.option->get_excludes();
    const auto other = std::find_if(taken.begin(), taken.end(), [&](const AppliedSetting& earlier) {
      return excluded.count(earlier.option) > 0;
    });
    if (other == taken.end()) {
      taken.push_back(each);
    } else if (other->setting->section == each.setting->section) {
      fail(file, *each.setting,
           fmt::format("{} cannot be set together with {}, in line {}", each.setting->key,
                       other->setting->key, other->setting->line));
    }
  }
  // What needs an option that is not given is left out, and then what needs that.
  const auto is_given = [&](const CLI::Option* option) {
    return option->count() > 0 ||
           std::any_of(taken.begin(), taken.end(),
                       [&](const AppliedSetting& each) { return each.option == option; });
  };
  for (bool changed = true; changed;) {
    std::vector<AppliedSetting> usable;
    for (const AppliedSetting& each : taken) {
      const auto needs = each.option->get_needs();
      if (std::all_of(needs.begin(), needs.end(), is_given)) usable.push_back(each);
    }
    changed = usable.size() != taken.size();
    taken = std::move(usable);
  }
  for (const AppliedSetting& each : taken) set(file, *each.setting, each.option);
  return taken;
}

void relax_required(const ConfigurationFile& file, CLI::App* command) {
  for (CLI::Option* option : command->get_options([](CLI::Option*) { return true; })) {
    if (option->get_required() && setting_for(file, *command, *option) != nullptr) {
      option->required(false);
    }
  }
}

namespace {

std::vector<const CLI::App*> commands_below(const CLI::App& command) {
  std::vector<const CLI::App*> found;
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!each->get_group().empty() && is_configurable(*each)) found.push_back(each);
  }
  return found;
}

// Of the command and all below it.
void add_keys(const CLI::App& command, std::vector<std::string>* keys) {
  const std::vector<const CLI::App*> below = commands_below(command);
  for (const CLI::App* each : below) add_keys(*each, keys);
  if (!below.empty()) return;  // its own options are --help and --version
  for (const CLI::Option* option : command.get_options()) {
    const std::vector<std::string> names = configuration_keys(command, *option);
    keys->insert(keys->end(), names.begin(), names.end());
  }
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& names) {
  const std::string similar = clip::similar_name(name, names);
  return similar.empty() ? "" : fmt::format("; did you mean {}?", similar);
}

}  // namespace

void check_configuration(const ConfigurationFile& file, const CLI::App& program) {
  for (const Setting& setting : file.settings) {
    const CLI::App* command = &program;
    for (const std::string& name : setting.section) {
      std::vector<std::string> names;
      const CLI::App* next = nullptr;
      for (const CLI::App* each : commands_below(*command)) {
        names.push_back(each->get_name());
        if (each->get_name() == name) next = each;
      }
      if (next == nullptr) {
        fail(file, setting,
             fmt::format("there is no command '{}' for the section [{}]{}", name,
                         fmt::join(setting.section, "."), did_you_mean(name, names)));
      }
      command = next;
    }
    if (setting.key.empty()) continue;
    if (setting.section.empty() && is_for_sections(setting.key)) {
      fail(file, setting,
           fmt::format("{0} means another thing in each command: set it in a section, such as "
                       "[classify]",
                       setting.key));
    }
    std::vector<std::string> keys;
    add_keys(*command, &keys);
    if (std::find(keys.begin(), keys.end(), setting.key) != keys.end()) continue;
    const std::string who = setting.section.empty()
                                ? "no command has an"
                                : fmt::format("{} has no", fmt::join(setting.section, " "));
    fail(file, setting,
         fmt::format("{} option '{}'{}", who, setting.key, did_you_mean(setting.key, keys)));
  }
}

}  // namespace clip_cli
