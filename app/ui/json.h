// JSON Lines on stdout: one object a line, keys in the order they were put in.
#pragma once

#include <nlohmann/json.hpp>

namespace clip_cli {

using Json = nlohmann::ordered_json;

// Text that is not UTF-8 (file names can be anything) is written with U+FFFD in place of what is
// not. Throws std::system_error when stdout cannot be written to.
void print_json(const Json& json);

}  // namespace clip_cli
