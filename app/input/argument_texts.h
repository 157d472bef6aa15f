// Texts that stand on the command line.
#pragma once

#include <string>
#include <vector>

namespace clip_cli {

// Notices those that are no UTF-8: what their bytes mean is not known, and each that means nothing
// is taken as U+FFFD.
void note_bytes(const std::vector<std::string>& texts);

}  // namespace clip_cli
