#include "manual/man_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

#include "base/strings.h"

namespace clip_cli {
namespace {

// Text as roff prints it: backslashes and hyphens, which would become typographic ones, are
// escaped.
std::string escaped(const std::string& text) {
  std::string safe;
  for (const char each : text) {
    if (each == '\\') {
      safe += "\\e";
    } else if (each == '-') {
      safe += "\\-";
    } else if (each == '\'') {
      safe += "\\(aq";
    } else if (each == '`') {
      safe += "\\(ga";
    } else if (each == '~') {
      safe += "\\(ti";
    } else if (each == '^') {
      safe += "\\(ha";
    } else {
      safe += each;
    }
  }
  // A line that begins with a dot would be a request.
  return clip::starts_with(safe, ".") ? "\\&" + safe : safe;
}

std::string bold(const std::string& text) {
  return "\\fB" + escaped(text) + "\\fR";
}

// The names of an option in bold, its value in italics.
std::string tag_of(const OptionText& option) {
  std::string tag;
  for (const std::string& name : option.names) tag += (tag.empty() ? "" : ", ") + bold(name);
  if (option.is_argument) {
    return "\\fI" + escaped(option.names.front()) + "\\fR" + (option.is_repeatable ? "..." : "");
  }
  const std::string value = "\\fI" + escaped(option.value) + "\\fR";
  if (option.value_is_optional) return tag + "[=" + value + "]";
  return option.takes_value ? tag + " " + value : tag;
}

std::string section(const std::string& title) {
  return ".SH " + escaped(title) + "\n";
}

// A sentence ends with a full stop, which summaries of options leave out.
std::string sentence(const std::string& summary) {
  const bool ended = clip::ends_with(summary, ".") || summary.empty();
  return ended ? summary : summary + ".";
}

// Paragraphs are separated by line breaks.
std::string paragraphs(const std::string& text, const char* macro) {
  std::string out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.empty()) continue;
    if (!out.empty()) out += std::string(macro) + "\n";
    out += escaped(line) + "\n";
  }
  return out;
}

std::string entry(const OptionText& option) {
  std::string text = ".TP\n" + tag_of(option) + "\n";
  std::string words = sentence(option.summary);
  if (option.words.kind == Words::kChoices) {
    words += fmt::format(" One of {}.", fmt::join(option.words.choices, ", "));
  }
  if (option.is_required) words += " Required.";
  if (option.is_repeatable && !option.is_argument) words += " Repeatable.";
  if (!option.variable.empty()) {
    words += fmt::format(" The environment variable {} stands for it.", option.variable);
  }
  text += escaped(words) + "\n";
  // IP continues an entry of TP with another paragraph.
  if (!option.details.empty()) text += paragraphs(option.details, ".IP");
  return text;
}

std::string synopsis(const CommandText& command) {
  std::string text = ".B " + escaped(full_name(command)) + "\n";
  if (!command.options.empty()) text += "[\\fIOPTIONS\\fR]\n";
  for (const OptionText& argument : command.arguments) {
    const std::string name = tag_of(argument);
    text += (argument.is_required ? name : "[" + name + "]") + "\n";
  }
  if (!command.commands.empty()) text += "\\fICOMMAND\\fR\n";
  return text;
}

std::string verbatim(const std::string& lines) {
  std::string text = ".nf\n.RS 2\n";
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) text += escaped(line) + "\n";
  return text + ".RE\n.fi\n";
}

std::string variables() {
  struct Variable {
    const char *name, *words;
  };
  constexpr Variable kVariables[] = {
      {"CLIP_MODEL", "The model to use where --model is not given."},
      {"CLIP_CONFIG", "The configuration file to read; empty: none."},
      {"CLIP_CACHE", "The folder of OpenAI's own model files, instead of ~/.cache/clip."},
      {"CLIP_MIRROR", "Another address of OpenAI's own files, for models pull."},
      {"CLIP_PREVIEW", "How search --preview draws images: kitty, sixel, iterm or symbols."},
      {"HF_HUB_CACHE, HF_HOME", "Where the Hugging Face Hub's models are kept."},
      {"HF_ENDPOINT, HF_TOKEN", "Another hub, and the token that opens private repositories."},
      {"HF_HUB_OFFLINE", "Not 0: nothing is fetched from the hub."},
      {"NO_COLOR, CLICOLOR_FORCE, CLICOLOR", "Whether output is coloured; see --color."},
      {"XDG_CONFIG_HOME, XDG_CACHE_HOME, XDG_DATA_HOME",
       "Where the configuration file, ready weights, and indexes are, instead of ~/.config, "
       "~/.cache and ~/.local/share."},
  };
  std::string text = section("ENVIRONMENT");
  for (const Variable& each : kVariables) {
    text += ".TP\n" + bold(each.name) + "\n" + escaped(each.words) + "\n";
  }
  return text;
}

std::string files() {
  return section("FILES") + ".TP\n.I " + escaped("~/.config/clip-cli/config.toml") + "\n" +
         escaped(
             "Defaults of options, which the environment and the command line override. "
             "clip-cli-config(1) describes it.") +
         "\n";
}

std::string exit_status() {
  return section("EXIT STATUS") + ".TP\n.B 0\n" + "All is done.\n" + ".TP\n.B 1\n" +
         "Something failed, which standard error says. The rest is done and printed.\n" +
         ".TP\n.B 2\n" + "The command line, or the configuration file, is wrong.\n";
}

std::string page_name(const CommandText& command) {
  return full_name(command, "-");
}

void add_references(const CommandText& command, const std::string& but,
                    std::vector<std::string>* names) {
  if (page_name(command) != but) names->push_back(page_name(command));
  for (const CommandText& each : command.commands) add_references(each, but, names);
}

std::string see_also(const CommandText& command, const CommandText& program) {
  std::vector<std::string> names;
  if (command.path.size() == 1) {
    add_references(program, page_name(program), &names);
  } else {
    names.push_back(page_name(program));
    const std::string config = page_name(program) + "-config";
    if (page_name(command) != config) names.push_back(config);
    for (const CommandText& each : command.commands) names.push_back(page_name(each));
  }
  std::string text = section("SEE ALSO");
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += fmt::format(".BR {} (1){}\n", escaped(names[i]), i + 1 < names.size() ? "," : "");
  }
  return text;
}

}  // namespace

ManPage man_page(const CommandText& command, const CommandText& program) {
  std::string title = page_name(command);
  for (char& each : title) {
    if (each >= 'a' && each <= 'z') each = static_cast<char>(each - 'a' + 'A');
  }
  std::string text = fmt::format(
      ".TH {} 1 \"\" \"clip\\-cli " CLIP_VERSION "\" \"User Commands\"\n", escaped(title));
  text += ".nh\n.ad l\n";  // names of options must not be broken, nor blanks stretched
  text += section("NAME");
  text += escaped(page_name(command)) + " \\- " + escaped(command.summary) + "\n";
  text += section("SYNOPSIS") + synopsis(command);
  text += section("DESCRIPTION");
  text += escaped(sentence(command.summary)) + "\n";
  if (!command.details.empty()) text += ".PP\n" + paragraphs(command.details, ".PP");
  for (const std::string& note : command.notes) text += ".PP\n" + escaped(note) + "\n";
  if (!command.jobs.empty()) text += ".PP\nJobs:\n" + verbatim(command.jobs);
  if (!command.commands.empty()) {
    text += section("COMMANDS");
    for (const CommandText& each : command.commands) {
      text += ".TP\n" + bold(each.path.back()) + "\n" + escaped(sentence(each.summary)) + "\n";
    }
  }
  if (!command.arguments.empty()) {
    text += section("ARGUMENTS");
    for (const OptionText& argument : command.arguments) text += entry(argument);
  }
  if (!command.options.empty()) {
    text += section("OPTIONS");
    for (const std::string& group : groups_of(command)) {
      if (group != "Options") text += ".SS " + escaped(group) + "\n";
      for (const OptionText& option : command.options) {
        if (option.group == group) text += entry(option);
      }
    }
  }
  if (!command.examples.empty()) {
    text += section("EXAMPLES");
    std::string lines;
    for (const std::string& example : command.examples) lines += example + "\n";
    text += verbatim(lines);
  }
  if (command.path.size() == 1) text += variables() + files();
  text += exit_status() + see_also(command, program);
  return {page_name(command) + ".1", text};
}

std::vector<ManPage> man_pages(const CommandText& program) {
  std::vector<ManPage> pages;
  std::vector<const CommandText*> left = {&program};
  while (!left.empty()) {
    const CommandText& command = *left.back();
    left.pop_back();
    pages.push_back(man_page(command, program));
    for (auto each = command.commands.rbegin(); each != command.commands.rend(); ++each) {
      left.push_back(&*each);
    }
  }
  return pages;
}

}  // namespace clip_cli
