// The database of an index as SQLite finds it, beside a sound vector file.
#include <fstream>

#include "clip/error.h"
#include "fuzz.h"
#include "read_index.h"

void clip_fuzz::read_input(std::string_view input) {
  const clip::IndexPlace place = new_index_place();
  std::ofstream(clip::database_path(place), std::ios::binary) << input;
  write_vectors();
  read_index(place);
}
