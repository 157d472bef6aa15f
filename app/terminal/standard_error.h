// Standard error, which is for what the program says to people and for nothing else.
#pragma once

#include <string_view>

namespace clip_cli {

// Errors are ignored: nobody is left to be told.
void write_standard_error(std::string_view text);

// From now on what libraries print by C's `stderr` goes nowhere: libde265 and dav1d print there
// about damaged images, which are errors of ours anyway.
void silence_libraries();

}  // namespace clip_cli
