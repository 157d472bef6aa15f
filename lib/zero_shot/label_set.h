// The labels that pictures are to be told apart by, and where people write them down.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clip {

struct Label {
  std::string name;
  // What stands for it in the text tower, as it is. None: the templates make them from the name.
  std::vector<std::string> prompts;
};

// A list as in "cat,dog,hot dog": one record of CSV (RFC 4180), so a label with a comma in it is
// quoted, and a quote in it doubled. Blanks around labels do not count. Throws Error for an empty
// label, one that is named twice, and quotes that do not match.
std::vector<Label> parse_label_list(std::string_view list);

// The lines of a file: a label each, or label<TAB>prompt, where a label may come again with another
// prompt. Empty lines do not count. Throws Error naming `source` and the line, also when there is
// no label at all.
std::vector<Label> parse_label_lines(std::string_view text, const std::string& source);

}  // namespace clip
