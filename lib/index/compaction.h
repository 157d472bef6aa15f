// Forgets contents that no file has any more, and takes their rows out of the vector files.
#pragma once

#include "index/index.h"

namespace clip {

// Forgets contents that no file has; their rows are unused from then on. `index` must be open for
// writing.
void forget_orphans(Index* index);

// Of a vector file's rows, how many may be unused before it is worth to write it anew.
constexpr double kMaxUnusedShare = 0.25;

// Writes each vector file anew of whose rows more than `max_share` are unused. The new one has
// another name, and is whole before the database says that it counts: whoever reads the old one
// goes on with it. `index` must be open for writing.
void compact(Index* index, double max_share);

}  // namespace clip
