// Whether an index is whole.
#pragma once

#include <string>
#include <vector>

#include "index/index.h"

namespace clip {

// What is wrong with it, a sentence each; empty where nothing is. Reads all of the database and of
// the vector files.
std::vector<std::string> verify(Index* index);

}  // namespace clip
