#include "manual/help_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <sstream>

#include "terminal/color.h"

namespace clip_cli {
namespace {

// Where the words begin; a longer name has a line of its own.
constexpr std::size_t kNameWidth = 28;
constexpr std::size_t kCommandWidth = 14;
constexpr std::size_t kLineWidth = 96;  // of paragraphs

std::string heading(const std::string& text) {
  return fmt::format("\n{}\n", colored(text, Color::kBold, STDOUT_FILENO));
}

std::string entry(const std::string& name, const std::string& words, std::size_t width) {
  if (name.size() + 2 > width) return fmt::format("  {}\n  {:{}}{}\n", name, "", width, words);
  return fmt::format("  {:{}}{}\n", name, width, words);
}

// Options without a short name are indented as far as those with one.
std::string aligned(const OptionText& option) {
  const bool has_short = option.names.front().size() == 2;
  return (has_short ? "" : "    ") + usage_of(option);
}

std::string words_of(const OptionText& option) {
  std::string words = option.summary;
  if (option.is_required && !option.is_argument) words += " (required)";
  return words;
}

std::string wrapped(const std::string& paragraph) {
  std::string text, line;
  std::istringstream words(paragraph);
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > kLineWidth) {
      text += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return text + line + "\n";
}

std::string indented(const std::string& lines) {
  std::string text;
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) text += "  " + line + "\n";
  return text;
}

std::string usage_line(const CommandText& command) {
  std::string line = full_name(command);
  if (!command.options.empty()) line += " [OPTIONS]";
  for (const OptionText& argument : command.arguments) line += " " + usage_of(argument);
  if (!command.commands.empty()) line += " COMMAND";
  return line;
}

}  // namespace

std::string help_text(const CommandText& command) {
  std::string text = command.summary + "\n";
  text +=
      fmt::format("{} {}\n", colored("Usage:", Color::kBold, STDOUT_FILENO), usage_line(command));
  if (!command.arguments.empty()) {
    text += heading("Arguments:");
    for (const OptionText& argument : command.arguments) {
      text += entry(argument.names.front(), argument.summary, kNameWidth);
    }
  }
  for (const std::string& group : groups_of(command)) {
    text += heading(group + ":");
    for (const OptionText& option : command.options) {
      if (option.group == group) text += entry(aligned(option), words_of(option), kNameWidth);
    }
  }
  if (!command.commands.empty()) {
    text += heading("Commands:");
    for (const CommandText& each : command.commands) {
      text += entry(each.path.back(), each.summary, kCommandWidth);
    }
  }
  for (const std::string& note : command.notes) text += "\n" + wrapped(note);
  if (!command.jobs.empty()) text += heading("Jobs:") + indented(command.jobs);
  if (!command.examples.empty()) {
    text += heading(command.examples.size() == 1 ? "Example:" : "Examples:");
    for (const std::string& example : command.examples) text += "  " + example + "\n";
  }
  if (command.path.size() == 1) {
    text +=
        "\n`man clip-cli-COMMAND`, or `clip-cli manual COMMAND | man -l -`, says more of each.\n";
  }
  return text;
}

}  // namespace clip_cli
