// From labels to the embeddings that pictures are compared with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "encoder/embeddings.h"
#include "zero_shot/label_set.h"

namespace clip {

// Normalized embeddings of prompts, [prompts, dim].
using EmbedPrompts = std::function<Embeddings(const std::vector<std::string>&)>;

// Told after each of the calls of EmbedPrompts: how many prompts are done, and how many there are.
using PromptProgress = std::function<void(std::size_t done, std::size_t total)>;

// [labels, dim], normalized: the mean of the normalized embeddings of each label's prompts, as in
// section 3.1.4 of the paper. A label without prompts of its own has one of every template.
Embeddings embed_labels(const std::vector<Label>& labels, const std::vector<std::string>& templates,
                        const EmbedPrompts& embed, const PromptProgress& progress = nullptr);

}  // namespace clip
