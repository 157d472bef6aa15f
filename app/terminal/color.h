// Colours on a terminal, few of them: what a line begins with, headings, the best row.
#pragma once

#include <string>
#include <string_view>

namespace clip_cli {

enum class ColorChoice { kAuto, kAlways, kNever };

// What --color says. Without it NO_COLOR, that is not empty, means never, and CLICOLOR_FORCE, that
// is neither empty nor 0, always, which both count before `configured`, as a configuration file
// has it. auto: where the descriptor is a terminal, TERM is neither empty nor "dumb", and CLICOLOR
// is not 0.
void choose_color(ColorChoice choice);
void configure_color(ColorChoice configured);

// "auto", "always" or "never"; auto for other words.
ColorChoice color_choice(std::string_view word);

// Whether what is written to a descriptor, STDOUT_FILENO or STDERR_FILENO, has colours.
bool is_colored(int descriptor);

enum class Color {
  kBold,   // headings
  kRed,    // of errors
  kGreen,  // the best
};

// The text between the sequences that switch the colour on and off; as it is where `descriptor`
// has no colours.
std::string colored(std::string_view text, Color color, int descriptor);

}  // namespace clip_cli
