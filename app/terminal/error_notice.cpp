#include "terminal/error_notice.h"

#include <fmt/format.h>
#include <unistd.h>

#include "terminal/color.h"
#include "terminal/standard_error.h"
#include "terminal/text.h"

namespace clip_cli {

void error_notice(std::string_view message) {
  write_standard_error(
      fmt::format("{} {}\n", colored("clip-cli:", Color::kRed, STDERR_FILENO), printable(message)));
}

}  // namespace clip_cli
