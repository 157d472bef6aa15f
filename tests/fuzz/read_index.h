// What the program does with an index that it finds, for the targets that write one.
#pragma once

#include <cstdint>

#include "index/index.h"

namespace clip_fuzz {

constexpr std::uint64_t kIndexNumber = 12345;

// The place of an index whose folder is empty, the same one each time.
clip::IndexPlace new_index_place();

// Writes there the vector file of model 1, whose identity is 64 times "a": 4 rows of 8 numbers,
// generation 1.
void write_vectors();

// Reads all that status, verify and search read, then opens it for writing and compacts it. Throws
// clip::Error.
void read_index(const clip::IndexPlace& place);

}  // namespace clip_fuzz
