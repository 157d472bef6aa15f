#include "options/general_options.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "options/value_words.h"
#include "terminal/color.h"

namespace clip_cli {
namespace {

// The value of an option at argv[*i], or behind it.
bool take_value(std::string_view name, int argc, char** argv, int* i, std::string* value) {
  const std::string_view argument = argv[*i];
  if (argument == name && *i + 1 < argc) {
    *value = argv[++*i];
    return true;
  }
  if (argument.size() <= name.size() || argument.substr(0, name.size()) != name ||
      argument[name.size()] != '=') {
    return false;
  }
  *value = argument.substr(name.size() + 1);
  return true;
}

}  // namespace

GeneralOptions general_options(int argc, char** argv) {
  GeneralOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--") break;
    if (argument == "--no-config") options.no_config = true;
    if (!take_value("--color", argc, argv, &i, &options.color)) {
      take_value("--config", argc, argv, &i, &options.config);
    }
  }
  return options;
}

std::vector<char*> rearranged(int argc, char** argv) {
  static char help[] = "--help";
  const std::vector<char*> all(argv, argv + argc);
  std::vector<char*> general;
  std::size_t at = 1;
  for (; at < all.size() && all[at][0] == '-'; ++at) {
    const std::string_view argument = all[at];
    const std::string_view name = argument.substr(0, argument.find('='));
    if (name != "--color" && name != "--config" && argument != "--no-config") return all;
    general.push_back(all[at]);
    if (name == argument && name != "--no-config" && at + 1 < all.size()) {
      general.push_back(all[++at]);
    }
  }
  if (at < all.size() && std::string_view(all[at]) == "help") {
    general.push_back(help);
    ++at;
  }
  std::vector<char*> result = {all.begin(), all.begin() + std::min(argc, 1)};
  const auto is_end = [](const char* argument) { return std::string_view(argument) == "--"; };
  const auto rest = all.begin() + static_cast<std::ptrdiff_t>(at);
  const auto end = std::find_if(rest, all.end(), is_end);
  result.insert(result.end(), rest, end);
  result.insert(result.end(), general.begin(), general.end());
  result.insert(result.end(), end, all.end());
  return result;
}

void add_general_options(CLI::App* command) {
  if (command->get_help_ptr() != nullptr) {
    command->get_help_ptr()->description("Print this help, and end")->group(kGeneralGroup);
  }
  CLI::Option* color =
      command
          ->add_option_function<std::string>(
              "--color", [](const std::string& when) { configure_color(color_choice(when)); },
              "When to use colours: auto (on a terminal), always or never [auto]\n"
              "NO_COLOR, that is not empty, means never, and CLICOLOR_FORCE, that is not 0, "
              "always; "
              "both count before a configuration file.")
          ->type_name("WHEN")
          ->group(kGeneralGroup);
  allow_only(color, {"auto", "always", "never"});
  value_words(color).variables = {"NO_COLOR", "CLICOLOR_FORCE"};
  CLI::Option* config =
      command
          ->add_option_function<std::string>(
              "--config", [](const std::string&) {},
              "Read defaults from this file [~/.config/clip-cli/config.toml]\n"
              "The environment variable CLIP_CONFIG names another default; empty, it means none. "
              "clip-cli-config(1) describes the file.")
          ->type_name("FILE")
          ->group(kGeneralGroup);
  command
      ->add_flag_function(
          "--no-config", [](std::int64_t) {}, "Read no configuration file")
      ->excludes(config)
      ->group(kGeneralGroup);
}

}  // namespace clip_cli
