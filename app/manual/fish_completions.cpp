#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "manual/completions.h"

namespace clip_cli {
namespace {

constexpr const char* kEngine = R"(
# Whether the words behind the program begin with these: the command that is named.
function __clip_cli_at
    set -l words (commandline -opc)
    set -e words[1]
    test (count $words) -ge (count $argv); or return 1
    for i in (seq (count $argv))
        test "$words[$i]" = "$argv[$i]"; or return 1
    end
end

# Whether a command comes next, behind these words.
function __clip_cli_needs
    set -l words (commandline -opc)
    test (count $words) -eq (math 1 + (count $argv)); and __clip_cli_at $argv
end

# The program's own lists: models, label-sets and so on.
function __clip_cli_words
    set -l words (commandline -opc)
    $words[1] completions --words $argv[1] 2>/dev/null
end

complete -c clip-cli -f
)";

std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (const char each : text) {
    if (each == '\'' || each == '\\') safe += '\\';
    safe += each;
  }
  return safe + "'";
}

std::string values_of(const OptionText& option) {
  switch (option.words.kind) {
    case Words::kFile:
      return " -F";
    case Words::kFolder:
      return " -f -a '(__fish_complete_directories)'";
    case Words::kModel:
      return " -F -a '(__clip_cli_words models)'";
    case Words::kChoices:
      return fmt::format(" -f -a {}",
                         quoted(fmt::format("{}", fmt::join(option.words.choices, " "))));
    default:
      break;
  }
  const char* name = dynamic_name(option.words.kind);
  return name != nullptr ? fmt::format(" -f -a '(__clip_cli_words {})'", name) : " -f";
}

std::string lines_of(const CommandText& command) {
  std::string path;
  for (std::size_t i = 1; i < command.path.size(); ++i) path += " " + command.path[i];
  const std::string at = fmt::format("complete -c clip-cli -n '__clip_cli_at{}'", path);
  const std::string needs = fmt::format("complete -c clip-cli -n '__clip_cli_needs{}'", path);
  std::string text = "\n";
  for (const CommandText& each : command.commands) {
    text += fmt::format("{} -a {} -d {}\n", needs, each.path.back(), quoted(each.summary));
  }
  for (const OptionText& argument : command.arguments) {
    const std::string values = values_of(argument);
    if (values != " -f") text += at + values + "\n";
  }
  for (const OptionText& option : command.options) {
    // Those of the program itself are no options of its commands.
    text += command.commands.empty() ? at : needs;
    for (const std::string& name : option.names) {
      text += name.size() == 2 ? " -s " + name.substr(1) : " -l " + name.substr(2);
    }
    if (option.takes_value) text += " -r" + values_of(option);
    text += " -d " + quoted(option.summary) + "\n";
  }
  for (const CommandText& each : command.commands) text += lines_of(each);
  return text;
}

}  // namespace

std::string fish_completions(const CommandText& program) {
  return fmt::format(
      "# fish completion for clip-cli {}, made by `clip-cli completions fish`.\n{}{}", CLIP_VERSION,
      kEngine, lines_of(program));
}

}  // namespace clip_cli
