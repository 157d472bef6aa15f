// A file of ignore patterns, behind it a path that they are asked for, behind it one pattern.
#include "pipeline/ignore_patterns.h"

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  const auto parts = parts_of(input, 3);
  clip::IgnorePatterns patterns;
  patterns.add_file(parts[0]);
  for (const bool is_folder : {false, true}) {
    for (const bool by_name : {false, true}) patterns.match(parts[1], is_folder, by_name);
  }
  if (parts[2].empty()) return;
  clip::IgnorePatterns one;
  one.add(parts[2]);
  one.match(parts[1], false);
}
