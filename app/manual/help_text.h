// What --help prints.
#pragma once

#include <string>

#include "manual/description.h"

namespace clip_cli {

// One line for each argument, option and command; headings in bold where stdout is coloured.
std::string help_text(const CommandText& command);

}  // namespace clip_cli
