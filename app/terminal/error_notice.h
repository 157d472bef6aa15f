// What went wrong, for people.
#pragma once

#include <string_view>

namespace clip_cli {

// As notice() (text.h), but with "clip-cli:" in red where stderr has colours.
void error_notice(std::string_view message);

}  // namespace clip_cli
