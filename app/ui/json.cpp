#include "ui/json.h"

#include <fmt/format.h>

#include <cstdio>

namespace clip_cli {

void print_json(const Json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace clip_cli
