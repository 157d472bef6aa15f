#include "options/parse_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/strings.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

// "{before}{words}{after}" apart; false where the words are not in it.
bool split(std::string_view text, std::string_view words, std::string* before, std::string* after) {
  const std::size_t at = text.find(words);
  if (at == std::string_view::npos) return false;
  *before = text.substr(0, at);
  *after = text.substr(at + words.size());
  return true;
}

// A number that CLI11 has written with zeros at its end: "0.500000".
std::string short_number(const std::string& text) {
  return fmt::format("{}", std::strtod(text.c_str(), nullptr));
}

// "0 to 1" and, of newer versions, "[0 - 1]".
std::string range_of(std::string text) {
  std::string least, most;
  if (clip::starts_with(text, "[") && clip::ends_with(text, "]")) {
    text = text.substr(1, text.size() - 2);
    if (!split(text, " - ", &least, &most)) return text;
  } else if (!split(text, " to ", &least, &most)) {
    return text;
  }
  return fmt::format("from {} to {}", short_number(least), short_number(most));
}

}  // namespace

void refuse_empty_names(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    const std::string type = option->get_type_name();
    const bool is_name = clip::starts_with(type, "FILE") || clip::starts_with(type, "DIR") ||
                         clip::starts_with(type, "FOLDER") || clip::starts_with(type, "MODEL");
    const auto& values = option->results();
    if (is_name && std::find(values.begin(), values.end(), "") != values.end()) {
      throw UsageError(fmt::format("--{} is empty; is a variable of the shell not set?",
                                   option->get_lnames().front()));
    }
  }
}

std::string message_of(const CLI::ParseError& error) {
  const std::string text = error.what();
  std::string option, rest;
  if (split(text, ": 1 required ", &option, &rest) && clip::ends_with(rest, " missing")) {
    return fmt::format("{} needs a value: {}", option,
                       rest.substr(0, rest.size() - std::string_view(" missing").size()));
  }
  std::string value;
  if (split(text, ": Value ", &option, &rest) && split(rest, " not in range ", &value, &rest)) {
    return fmt::format("{} {}: the number must be {}", option, value, range_of(rest));
  }
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr &&
      split(text, " excludes ", &option, &rest)) {
    return fmt::format("{} and {} cannot be given together", option, rest);
  }
  if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr &&
      split(text, " requires ", &option, &rest)) {
    return fmt::format("{} needs {}, too", option, rest);
  }
  if (split(text, "The following argument was not expected: ", &option, &rest)) {
    return fmt::format("'{}' is one argument more than the command takes", rest);
  }
  return text;
}

}  // namespace clip_cli
