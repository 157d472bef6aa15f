// JSON Lines: one object a line, keys in the order they were put in.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace clip_cli {

using Json = nlohmann::ordered_json;

// With the line's end. Text that is not UTF-8 (file names can be anything) is written with U+FFFD
// in place of what is not.
std::string json_line(const Json& json);

// The bytes as hexadecimal digits where they are not UTF-8, so that a name that JSON cannot hold is
// not lost; else nothing.
std::string hex_unless_utf8(const std::string& bytes);

// On stdout. Throws std::system_error when it cannot be written to.
void print_json(const Json& json);

}  // namespace clip_cli
