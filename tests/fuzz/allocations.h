// How much memory the program has from `new`, counted by operators of its own.
#pragma once

#include <cstddef>

namespace clip_fuzz {

// Bytes that are in use now, and the largest number of them since the last reset.
std::size_t bytes_in_use();
std::size_t peak_bytes();
void reset_peak();

}  // namespace clip_fuzz
