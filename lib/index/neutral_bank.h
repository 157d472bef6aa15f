// The embeddings of the neutral prompts (neutral_prompts.h) by one model, kept in the index.
#pragma once

#include <optional>

#include "clip/embeddings.h"
#include "index/index.h"

namespace clip {

struct NeutralBank {
  Embeddings prompts;       // normalized
  double near_synonym = 0;  // near_synonym_cosine of them
};

// The bank that the index has of the model; nothing where it has none, or one of other prompts.
std::optional<NeutralBank> read_bank(Index* index, const IndexedModel& model);

// `index` must be open for writing.
void write_bank(Index* index, const IndexedModel& model, const NeutralBank& bank);

}  // namespace clip
