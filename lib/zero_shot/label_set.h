// Label sets as people write them down: a list on a command line, or the lines of a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clip/zero_shot.h"

namespace clip {

// A list as in "cat,dog,hot dog": one record of CSV (RFC 4180), so a label with a comma in it is
// quoted, and a quote in it doubled. Blanks around labels are dropped. Throws Error
// (kInvalidArgument) for an empty label, one that is named twice, and quotes that do not match.
std::vector<Label> parse_label_list(std::string_view list);

// The lines of a file: a label each, or label<TAB>prompt, where a label may come again with another
// prompt. Empty lines are skipped. Throws Error (kInvalidArgument) naming `source` and the line,
// also when there is no label at all.
std::vector<Label> parse_label_lines(std::string_view text, const std::string& source);

}  // namespace clip
