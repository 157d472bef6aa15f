#include "writers/print_json.h"

#include <fmt/format.h>

namespace clip_cli {

void print_json(const clip::Json& json) {
  fmt::print("{}", clip::json_line(json));
}

}  // namespace clip_cli
