#include "manual/description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/strings.h"
#include "options/general_options.h"

namespace clip_cli {
namespace {

// The first line is the summary; what follows are details.
void split(const std::string& description, std::string* summary, std::string* details) {
  const std::size_t end = description.find('\n');
  *summary = description.substr(0, end);
  if (end != std::string::npos) *details = description.substr(end + 1);
}

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

OptionText describe(const CLI::Option& option) {
  OptionText text;
  text.names = names_of(option);
  text.is_argument = text.names.empty();
  if (text.is_argument) text.names = {option.get_name(/*positional=*/true)};
  text.is_required = option.get_required();
  text.is_repeatable = option.get_expected_max() > 1;
  text.takes_value = option.get_expected_max() > 0;
  // CLI11 puts words of validators behind a colon.
  text.value = option.get_type_name().substr(0, option.get_type_name().find(':'));
  text.group = option.get_group();
  split(option.get_description(), &text.summary, &text.details);
  text.default_value = option.get_default_str();
  if (clip::starts_with(text.default_value, "[")) {  // a list
    text.default_value = text.default_value.substr(1, text.default_value.size() - 2);
  }
  text.variable = option.get_envname();
  text.words = value_words_of(&option);
  if (!text.takes_value && !option.get_lnames().empty()) {
    const std::string meant = option.get_flag_value(option.get_lnames().front(), "");
    text.value_is_optional = meant != "true" && meant != "false";
  }
  // CLI11 has the default, where the words do not say it.
  if (!text.default_value.empty() && !clip::ends_with(text.summary, "]")) {
    text.summary += fmt::format(" [{}]", text.default_value);
  }
  for (const CLI::Option* other : option.get_excludes()) {
    if (other->get_group().empty()) continue;
    const std::vector<std::string> names = names_of(*other);
    text.excludes.insert(text.excludes.end(), names.begin(), names.end());
  }
  return text;
}

// A footer: paragraphs, "Jobs:" and "Examples:" with indented lines below.
void read_footer(const std::string& footer, CommandText* command) {
  clip::Lines lines(footer);
  enum class Part { kNotes, kJobs, kExamples } part = Part::kNotes;
  bool new_paragraph = true;
  for (std::string_view line; lines.next(&line);) {
    if (line.empty()) {
      new_paragraph = true;
    } else if (line == "Jobs:") {
      part = Part::kJobs;
    } else if (line == "Example:" || line == "Examples:") {
      part = Part::kExamples;
    } else if (part == Part::kExamples) {
      command->examples.emplace_back(clip::trimmed(line));
    } else if (part == Part::kJobs) {
      command->jobs += std::string(clip::trimmed(line)) + '\n';
    } else {
      if (new_paragraph) command->notes.emplace_back();
      std::string& note = command->notes.back();
      if (!note.empty()) note += ' ';
      note += line;
      new_paragraph = false;
    }
  }
}

}  // namespace

CommandText describe(const CLI::App& command) {
  CommandText text;
  for (const CLI::App* each = &command; each != nullptr; each = each->get_parent()) {
    text.path.insert(text.path.begin(), each->get_name());
  }
  split(command.get_description(), &text.summary, &text.details);
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;
    OptionText described = describe(*option);
    (described.is_argument ? text.arguments : text.options).push_back(std::move(described));
  }
  read_footer(command.get_footer(), &text);
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!each->get_group().empty()) text.commands.push_back(describe(*each));
  }
  return text;
}

std::string full_name(const CommandText& command, const char* between) {
  return fmt::format("{}", fmt::join(command.path, between));
}

std::string usage_of(const OptionText& option) {
  std::string usage = fmt::format("{}", fmt::join(option.names, ", "));
  if (option.is_argument) {
    if (option.is_repeatable) usage += "...";
    return option.is_required ? usage : "[" + usage + "]";
  }
  if (option.value_is_optional) return usage + "[=" + option.value + "]";
  if (option.takes_value) usage += " " + option.value;
  return usage;
}

std::vector<std::string> groups_of(const CommandText& command) {
  std::vector<std::string> groups;
  bool has_general = false;
  for (const OptionText& option : command.options) {
    if (option.group == kGeneralGroup) {
      has_general = true;
    } else if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) {
      groups.push_back(option.group);
    }
  }
  if (has_general) groups.emplace_back(kGeneralGroup);  // what is the same everywhere comes last
  return groups;
}

}  // namespace clip_cli
