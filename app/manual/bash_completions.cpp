// For bash 4 and later, with or without the package bash-completion.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <string>
#include <vector>

#include "manual/completions.h"

namespace clip_cli {
namespace {

constexpr const char* kEngine = R"bash(
# The program's own lists: models, label-sets and so on.
_clip_cli_words() {
  local word
  while IFS= read -r word; do
    [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
  done < <("$program" completions --words "$1" 2>/dev/null)
}

_clip_cli() {
  # bash itself splits words also at =, @ and :, which names of models have.
  local line=${COMP_LINE:0:COMP_POINT}
  local -a typed
  read -r -a typed <<< "$line"
  if [[ $line == *[[:space:]] ]]; then typed+=(''); fi
  local program=${typed[0]/#\~/$HOME} cur=${typed[-1]} command= pending= kind= word i
  local -i arguments=0 only_arguments=0
  COMPREPLY=()
  for word in "${typed[@]:1:${#typed[@]}-2}"; do
    if [[ -n $pending ]]; then
      pending=
    elif ((only_arguments)); then
      arguments+=1
    elif [[ $word == -- ]]; then
      only_arguments=1
    elif [[ $word == -?* ]]; then
      if _clip_cli_kind "$command" "$word"; then pending=$word; fi
    elif _clip_cli_has_command "$command" "$word"; then
      command+="${command:+ }$word"
    else
      arguments+=1
    fi
  done
  kind=
  if [[ -z $pending && $cur == --*=* ]] && ((!only_arguments)); then
    pending=${cur%%=*}
    cur=${cur#*=}
  fi

  if [[ -n $pending ]]; then
    _clip_cli_kind "$command" "$pending"
  elif [[ $cur == -* ]] && ((!only_arguments)); then
    _clip_cli_options "$command"
    kind="of $kind"
  elif _clip_cli_commands "$command"; then
    kind="of $kind"
  else
    # The last argument may be there several times.
    for ((i = arguments + 1; i > 0; i--)); do
      if _clip_cli_kind "$command" "$i"; then break; fi
    done
  fi

  case $kind in
    files) compopt -o default 2>/dev/null ;;
    folders) compopt -o dirnames 2>/dev/null ;;
    models)
      _clip_cli_words models
      if ((!${#COMPREPLY[@]})); then compopt -o default 2>/dev/null; fi
      ;;
    published | label-sets | template-sets) _clip_cli_words "$kind" ;;
    'of '*) mapfile -t COMPREPLY < <(compgen -W "${kind#of }" -- "$cur") ;;
  esac
  # Only what stands behind the last of these is replaced.
  local tail=${cur##*[@:]}
  if [[ $tail != "$cur" && $COMP_WORDBREAKS == *[@:]* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${cur%"$tail"}"}")
  fi
}

complete -F _clip_cli clip-cli
)bash";

std::string path_of(const CommandText& command) {
  return fmt::format("{}", fmt::join(command.path.begin() + 1, command.path.end(), " "));
}

std::string kind_of(const OptionText& option) {
  switch (option.words.kind) {
    case Words::kFile:
      return "files";
    case Words::kFolder:
      return "folders";
    case Words::kChoices:
      return fmt::format("'of {}'", fmt::join(option.words.choices, " "));
    default:
      break;
  }
  const char* name = dynamic_name(option.words.kind);
  return name != nullptr ? name : "any";
}

struct Tables {
  std::string commands, options;
  std::map<std::string, std::vector<std::string>> kinds;  // the options of each kind
};

void add(const CommandText& command, Tables* tables) {
  const std::string path = path_of(command);
  std::vector<std::string> names, options;
  for (const CommandText& each : command.commands) names.push_back(each.path.back());
  if (!names.empty()) {
    tables->commands += fmt::format("    '{}') kind='{}' ;;\n", path, fmt::join(names, " "));
  }
  for (const OptionText& option : command.options) {
    options.insert(options.end(), option.names.begin(), option.names.end());
    if (!option.takes_value) continue;
    for (const std::string& name : option.names) {
      tables->kinds[kind_of(option)].push_back(path + ":" + name);
    }
  }
  tables->options +=
      fmt::format("    '{}')\n      kind='{}'\n      ;;\n", path, fmt::join(options, " "));
  for (std::size_t i = 0; i < command.arguments.size(); ++i) {
    tables->kinds[kind_of(command.arguments[i])].push_back(fmt::format("{}:{}", path, i + 1));
  }
  for (const CommandText& each : command.commands) add(each, tables);
}

}  // namespace

std::string bash_completions(const CommandText& program) {
  Tables tables;
  add(program, &tables);
  std::string kinds;
  for (const auto& [kind, options] : tables.kinds) {
    kinds += fmt::format("    '{}')\n      kind={}\n      ;;\n",
                         fmt::join(options, "' | \\\n    '"), kind);
  }
  return fmt::format(
      "# bash completion for clip-cli {}, made by `clip-cli completions bash`.\n\n"
      "# Each of these sets `kind`: the commands below a command, its options, and what completes\n"
      "# the value of an option or an argument, which are named by their numbers.\n"
      "_clip_cli_commands() {{\n  case $1 in\n{}    *) return 1 ;;\n  esac\n}}\n\n"
      "_clip_cli_has_command() {{\n  local kind\n  _clip_cli_commands \"$1\" && "
      "[[ \" $kind \" == *\" $2 \"* ]]\n}}\n\n"
      "_clip_cli_options() {{\n  case $1 in\n{}  esac\n}}\n\n"
      "_clip_cli_kind() {{\n  case \"$1:$2\" in\n{}    *) return 1 ;;\n  esac\n}}\n{}",
      CLIP_VERSION, tables.commands, tables.options, kinds, kEngine);
}

}  // namespace clip_cli
