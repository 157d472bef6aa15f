// Changes bytes as damage and malice do.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace clip_fuzz {

// Changes a text in one to eight places: bits and bytes flipped, parts removed, repeated, moved or
// put in from `words`, numbers replaced by others that lie at the edges of what fits.
std::string mutated(std::string bytes, const std::vector<std::string>& words,
                    std::mt19937_64* random);

}  // namespace clip_fuzz
