// JSON on stdout, for commands that print single objects.
#pragma once

#include "service/json.h"

namespace clip_cli {

// One line. Throws std::system_error when stdout cannot be written to.
void print_json(const clip::Json& json);

}  // namespace clip_cli
