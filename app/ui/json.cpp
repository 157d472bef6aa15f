#include "ui/json.h"

#include <fmt/format.h>

#include <cstdio>

#include "ui/text.h"

namespace clip_cli {

std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string hex_unless_utf8(const std::string& bytes) {
  std::string digits;
  if (is_utf8(bytes)) return digits;
  for (const char byte : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return digits;
}

void print_json(const Json& json) {
  fmt::print("{}", json_line(json));
}

}  // namespace clip_cli
