// The kinds of files that hold models: one row each, tried in order, told apart by their contents
// and never by their names. A new kind is a file beside this one, which derives from Checkpoint,
// and a row in formats.cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace clip {

struct CheckpointFormat {
  const char* name;
  // Whether a file is of this kind; `bytes` is all of it, of which the first few should do.
  bool (*matches)(std::string_view bytes);
  std::unique_ptr<Checkpoint> (*open)(std::shared_ptr<const MappedFile> file);
};

const std::vector<CheckpointFormat>& checkpoint_formats();

// Opens one file of one of these kinds, without what may lie beside it.
std::unique_ptr<Checkpoint> open_checkpoint_file(const std::string& path);

}  // namespace clip
