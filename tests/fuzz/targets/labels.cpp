// Labels: a list as --labels takes it (one record of CSV), and the lines of a file.
#include <set>

#include "clip/error.h"
#include "fuzz.h"
#include "zero_shot/label_set.h"

void clip_fuzz::read_input(std::string_view input) {
  std::string refused;
  for (const auto parse :
       {+[](std::string_view text) { return clip::parse_label_list(text); },
        +[](std::string_view text) { return clip::parse_label_lines(text, "input"); }}) {
    try {
      std::set<std::string> names;
      for (const clip::Label& label : parse(input)) {
        require(!label.name.empty() && names.insert(label.name).second,
                "labels have names of their own");
      }
    } catch (const clip::Error& error) {
      refused = error.what();
    }
  }
  if (!refused.empty()) throw clip::Error(clip::ErrorCode::kInvalidArgument, refused);
}
