#include "options/value_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Validators.hpp>
#include <unordered_map>

#include "base/strings.h"

namespace clip_cli {
namespace {

// CLI11's options have no room for it.
std::unordered_map<const CLI::Option*, ValueWords>& all_words() {
  static std::unordered_map<const CLI::Option*, ValueWords> words;
  return words;
}

Words kind_by_name(const std::string& value) {
  if (value == "DIR" || value == "FOLDER") return Words::kFolder;
  if (value == "MODEL") return Words::kModel;
  for (const char* file : {"FILE", "NAME.npy", "PATH", "IMAGE", "DATA", "JOBS", "PROBE"}) {
    if (clip::starts_with(value, file)) return Words::kFile;
  }
  return value == "EMBEDDINGS" ? Words::kFile : Words::kAny;
}

ValueWords by_name(const CLI::Option* option) {
  ValueWords words;
  const std::string name =
      option->get_positional() ? option->get_name(true) : option->get_type_name();
  words.kind = kind_by_name(name.substr(0, name.find(':')));
  return words;
}

}  // namespace

ValueWords& value_words(CLI::Option* option) {
  return all_words().try_emplace(option, by_name(option)).first->second;
}

ValueWords value_words_of(const CLI::Option* option) {
  const auto known = all_words().find(option);
  return known != all_words().end() ? known->second : by_name(option);
}

void allow_only(CLI::Option* option, const std::vector<std::string>& choices) {
  option->check(CLI::Validator(
      [choices](const std::string& name) {
        for (const std::string& each : choices) {
          if (name == each) return std::string();
        }
        return fmt::format("'{}' is not one of {}", name, fmt::join(choices, ", "));
      },
      ""));
  ValueWords& words = value_words(option);
  words.kind = Words::kChoices;
  words.choices = choices;
}

}  // namespace clip_cli
