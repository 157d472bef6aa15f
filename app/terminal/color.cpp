#include "terminal/color.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>

namespace clip_cli {
namespace {

std::optional<ColorChoice> chosen;
ColorChoice configured_choice = ColorChoice::kAuto;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

ColorChoice choice_in_force() {
  if (chosen) return *chosen;
  if (!variable("NO_COLOR").empty()) return ColorChoice::kNever;
  const std::string force = variable("CLICOLOR_FORCE");
  if (!force.empty() && force != "0") return ColorChoice::kAlways;
  return configured_choice;
}

const char* sequence_of(Color color) {
  switch (color) {
    case Color::kBold:
      return "\x1b[1m";
    case Color::kRed:
      return "\x1b[1;31m";
    case Color::kGreen:
      return "\x1b[32m";
  }
  return "";
}

}  // namespace

void choose_color(ColorChoice choice) {
  chosen = choice;
}

void configure_color(ColorChoice configured) {
  configured_choice = configured;
}

ColorChoice color_choice(std::string_view word) {
  if (word == "always") return ColorChoice::kAlways;
  return word == "never" ? ColorChoice::kNever : ColorChoice::kAuto;
}

bool is_colored(int descriptor) {
  const ColorChoice choice = choice_in_force();
  if (choice != ColorChoice::kAuto) return choice == ColorChoice::kAlways;
  const std::string terminal = variable("TERM");
  return ::isatty(descriptor) == 1 && !terminal.empty() && terminal != "dumb" &&
         variable("CLICOLOR") != "0";
}

std::string colored(std::string_view text, Color color, int descriptor) {
  if (!is_colored(descriptor)) return std::string(text);
  return fmt::format("{}{}\x1b[0m", sequence_of(color), text);
}

}  // namespace clip_cli
