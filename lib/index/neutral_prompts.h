// The bank of neutral prompts, data/neutral_prompts, inside the binary: what an image could show
// instead of what a query says (matching.h).
#pragma once

#include <string>
#include <vector>

namespace clip {

// Some 400, in the order of the files' names and of their lines; no two are the same. Embeddings of
// them that were kept are of use only while the prompts are the same.
std::vector<std::string> neutral_prompts();

}  // namespace clip
