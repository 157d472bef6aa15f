// The one JSON of the project: objects whose keys stay in the order in which they were put in,
// written a line each. app/README.md describes what the lines hold.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "clip/error.h"

namespace clip {

using Json = nlohmann::ordered_json;

// With the line's end. Text that is not UTF-8 is written with U+FFFD in place of what is not.
// U+0085, U+2028 and U+2029 are escaped: they end lines for some readers, Python's splitlines among
// them.
std::string json_line(const Json& json);
// The same without the end.
std::string json_text(const Json& json);

// Sets `key` to a name, which may be any bytes, as those of files may. Where they are not UTF-8,
// `key`_hex holds them too, as hexadecimal digits.
void put_name(Json* object, const std::string& key, const std::string& bytes);

// The bytes of such a name. Throws std::exception (nlohmann's) where it is none.
std::string name_in(const Json& object, const std::string& key);

// Parses a text from outside. Throws Error: kCorrupt, with the byte, for what is no JSON; kLimit
// for what is nested more than `max_depth` deep. Numbers that a double cannot hold are no JSON.
Json parse_json(std::string_view text, std::size_t max_depth = 64);

}  // namespace clip
