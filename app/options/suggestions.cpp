#include "options/suggestions.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace clip_cli {
namespace {

// What other tools call commands and options, each as the arguments that it is here. Where several
// fit, the first that the command has.
struct Synonym {
  const char* typed;
  const char* name;
};

constexpr Synonym kSynonyms[] = {
    {"download", "pull"},
    {"get", "pull"},
    {"fetch", "pull"},
    {"rm", "remove"},
    {"delete", "remove"},
    {"ls", "list"},
    {"show", "inspect"},
    {"info", "inspect"},
    {"find", "search"},
    {"query", "search"},
    {"similar", "search"},
    {"dedup", "duplicates"},
    {"encode", "embed"},
    {"rank", "score"},
    {"heatmap", "explain"},
    {"man", "manual"},
    {"completion", "completions"},
    {"--limit", "--top"},
    {"--limit", "--top-k"},
    {"--count", "--top"},
    {"--count", "--top-k"},
    {"--topk", "--top"},
    {"--folder", "--in"},
    {"--dir", "--in"},
    {"--image", "--like"},
    {"--copy", "--by"},
    {"--move", "--by"},
    {"--link", "--by"},
    {"--html", "--report"},
    {"--out", "--output"},
    {"--ignore", "--exclude"},
    {"--no-color", "--color"},
};

std::string synonym_of(const std::string& typed, const std::vector<std::string>& names) {
  for (const Synonym& each : kSynonyms) {
    if (typed == each.typed && std::find(names.begin(), names.end(), each.name) != names.end()) {
      return each.name;
    }
  }
  return "";
}

// The name that is meant, or nothing. The dashes in front of options are no letters of theirs.
std::string meant_name(const std::string& typed, const std::vector<std::string>& names) {
  const std::string synonym = synonym_of(typed, names);
  if (!synonym.empty()) return synonym;
  const std::string dashes = clip::starts_with(typed, "--") ? "--" : "";
  std::vector<std::string> words;
  for (const std::string& name : names) words.push_back(name.substr(dashes.size()));
  const std::string similar = clip::similar_name(typed.substr(dashes.size()), words);
  return similar.empty() ? "" : dashes + similar;
}

std::vector<std::string> command_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!each->get_group().empty()) names.push_back(each->get_name());
  }
  return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::size_t commands_above(const CLI::App& command) {
  std::size_t count = 0;
  for (const CLI::App* at = command.get_parent(); at != nullptr; at = at->get_parent()) ++count;
  return count;
}

std::string did_you_mean(const std::string& what, const std::string& typed,
                         const std::vector<std::string>& names) {
  const std::string meant = meant_name(typed, names);
  std::string message = fmt::format("there is no {} '{}'", what, typed);
  if (!meant.empty()) {
    message += fmt::format("; did you mean {}?", meant);
  } else if (what == "command") {
    message += fmt::format("; there are {}", fmt::join(names, ", "));
  }
  return message;
}

// "-k", which may also be a file's name that begins so.
std::string unknown_short_option(const CLI::App& command,
                                 const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const bool is_short = argument.size() > 1 && argument[0] == '-' && argument[1] != '-' &&
                          argument.find_first_of("0123456789.") != 1;
    if (!is_short || command.get_option_no_throw(argument.substr(0, 2)) != nullptr) continue;
    return fmt::format(
        "there is no option '{0}'; a file of that name is ./{0}, and behind -- "
        "nothing is an option",
        argument);
  }
  return "";
}

}  // namespace

const CLI::App& named_command(const CLI::App& app) {
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

CLI::App& named_command(CLI::App& app) {
  CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

std::string unknown_command(const CLI::App& command, const std::vector<std::string>& arguments) {
  const std::vector<std::string> commands = command_names(command);
  if (commands.empty()) return "";
  // The first word behind the names of the commands above.
  std::size_t depth = commands_above(command);
  for (const std::string& argument : arguments) {
    if (!argument.empty() && argument.front() == '-') continue;
    if (depth-- > 0) continue;
    return did_you_mean("command", argument, commands);
  }
  return "";
}

std::string suggestion_for(const CLI::App& command, const std::vector<std::string>& arguments) {
  const std::string unknown = unknown_command(command, arguments);
  if (!unknown.empty()) return unknown;
  const std::vector<std::string> commands = command_names(command);
  if (!commands.empty() && arguments.size() <= commands_above(command)) {
    return fmt::format("name a command: {}", fmt::join(commands, ", "));
  }
  const std::vector<std::string> options = option_names(command);
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    const std::string name = argument.substr(0, argument.find('='));
    if (!clip::starts_with(name, "--")) continue;
    // One that is not in help says itself why it cannot be given.
    if (std::find(options.begin(), options.end(), name) == options.end() &&
        command.get_option_no_throw(name) == nullptr) {
      return did_you_mean("option", name, options);
    }
  }
  return unknown_short_option(command, arguments);
}

}  // namespace clip_cli
