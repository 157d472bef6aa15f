#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "base/strings.h"
#include "manual/completions.h"

namespace clip_cli {
namespace {

constexpr const char* kEngine = R"zsh(
# The program's own lists: models, label-sets and so on; the last argument says which.
(( $+functions[_clip_cli__words] )) ||
_clip_cli__words() {
  local -a found
  found=(${(f)"$(_call_program clip-cli ${(q)_clip_cli_program} completions --words $argv[-1])"})
  compadd "${(@)argv[1,-2]}" -a found
}

(( $+functions[_clip_cli__models] )) ||
_clip_cli__models() {
  _alternative 'models:model:_clip_cli__words models' 'files:file:_files'
}
)zsh";

// Between single quotes.
std::string quoted(const std::string& text) {
  std::string safe = "'";
  for (const char each : text) {
    if (each == '\'') {
      safe += "'\\''";
    } else {
      safe += each;
    }
  }
  return safe + "'";
}

// In a specification of _arguments, where brackets end the words and colons a field.
std::string escaped(const std::string& text) {
  std::string safe;
  for (const char each : text) {
    if (each == '[' || each == ']' || each == ':' || each == '\\') safe += '\\';
    safe += each;
  }
  return safe;
}

std::string action_of(const OptionText& option) {
  switch (option.words.kind) {
    case Words::kFile:
      return "_files";
    case Words::kFolder:
      return "_files -/";
    case Words::kModel:
      return "_clip_cli__models";
    case Words::kChoices:
      return fmt::format("({})", fmt::join(option.words.choices, " "));
    default:
      break;
  }
  const char* name = dynamic_name(option.words.kind);
  return name != nullptr ? fmt::format("_clip_cli__words {}", name) : " ";
}

std::vector<std::string> specifications(const OptionText& option) {
  const std::string value = fmt::format(
      ":{}:{}", escaped(option.value.empty() ? "value" : option.value), action_of(option));
  std::vector<std::string> specs;
  for (const std::string& name : option.names) {
    const bool is_short = name.size() == 2;
    std::string spec;
    if (option.is_repeatable) {
      spec = "*";
    } else {
      std::vector<std::string> others = option.names;
      others.insert(others.end(), option.excludes.begin(), option.excludes.end());
      spec = fmt::format("({})", fmt::join(others, " "));
    }
    spec += name;
    if (option.value_is_optional) {
      spec += "=-";
    } else if (option.takes_value) {
      spec += is_short ? "+" : "=";
    }
    spec += fmt::format("[{}]", escaped(option.summary));
    if (option.value_is_optional) {
      spec += ":" + value;
    } else if (option.takes_value) {
      spec += value;
    }
    specs.push_back(spec);
  }
  return specs;
}

std::string arguments_call(const CommandText& command, const std::vector<std::string>& more,
                           const std::string& indent) {
  std::vector<std::string> specs;
  for (const OptionText& option : command.options) {
    for (const std::string& spec : specifications(option)) specs.push_back(spec);
  }
  for (const OptionText& argument : command.arguments) {
    specs.push_back(fmt::format("{}:{}:{}", argument.is_repeatable ? "*" : "",
                                escaped(argument.names.front()), action_of(argument)));
  }
  specs.insert(specs.end(), more.begin(), more.end());
  std::string call = indent + (more.empty() ? "_arguments -s -S" : "_arguments -s -S -C");
  for (const std::string& spec : specs) call += " \\\n" + indent + "  " + quoted(spec);
  return call + "\n";
}

std::string function_name(const CommandText& command) {
  std::string name = "_" + full_name(command, "_");
  for (char& each : name) {
    if (each == '-') each = '_';
  }
  return name;
}

std::string function_of(const CommandText& command) {
  std::string text;
  for (const CommandText& each : command.commands) text += function_of(each);
  const std::string name = function_name(command);
  text += fmt::format("\n(( $+functions[{0}] )) ||\n{0}() {{\n", name);
  if (command.commands.empty()) {
    return text + arguments_call(command, {}, "  ") + "}\n";
  }
  text +=
      "  local curcontext=$curcontext state line\n"
      "  typeset -A opt_args\n";
  if (command.path.size() == 1) text += "  local _clip_cli_program=$words[1]\n";
  text += "  local -a commands=(\n";
  for (const CommandText& each : command.commands) {
    text += "    " + quoted(each.path.back() + ":" + each.summary) + "\n";
  }
  text += "  )\n";
  text += arguments_call(command, {"1:command:->command", "*::arguments:->arguments"}, "  ");
  text += "  case $state in\n    command) _describe -t commands command commands ;;\n";
  text += "    arguments)\n      case $line[1] in\n";
  for (const CommandText& each : command.commands) {
    text += fmt::format("        {}) {} ;;\n", each.path.back(), function_name(each));
  }
  return text + "      esac\n      ;;\n  esac\n}\n";
}

}  // namespace

std::string zsh_completions(const CommandText& program) {
  return fmt::format(
      "#compdef clip-cli\n"
      "# zsh completion for clip-cli {}, made by `clip-cli completions zsh`.\n{}{}\n"
      "if [ \"$funcstack[1]\" = \"_clip-cli\" ]; then\n"
      "  _clip_cli \"$@\"\n"
      "else\n"
      "  compdef _clip_cli clip-cli\n"
      "fi\n",
      CLIP_VERSION, kEngine, function_of(program));
}

}  // namespace clip_cli
