/// \file
/// Zero-shot classification: labels, the prompts that templates make of them, and the ranking of an
/// image's labels.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "clip/embeddings.h"

namespace clip {

/// The name of a class.
struct Label {
  std::string name;  ///< as people say it
  /// What stands for it in the text tower, as it is. None: the templates make them from the name.
  std::vector<std::string> prompts;
};

/// The template that is taken where none is named: "{}" stands for the label.
constexpr const char* kDefaultTemplate = "a photo of a {}.";

/// Normalized embeddings of prompts, [prompts, dim]: TextEmbedder::embed.
using EmbedPrompts = std::function<Embeddings(const std::vector<std::string>&)>;

/// Told after each of the calls of EmbedPrompts: how many prompts are done, and how many there are.
using PromptProgress = std::function<void(std::size_t done, std::size_t total)>;

/// [labels, dim], normalized: the mean of the normalized embeddings of each label's prompts, as in
/// section 3.1.4 of the paper. A label without prompts of its own has one of every template.
Embeddings embed_labels(const std::vector<Label>& labels, const std::vector<std::string>& templates,
                        const EmbedPrompts& embed, const PromptProgress& progress = nullptr);

/// The softmax of logit_scale x cosine over one image's `count` prompts: the probability that each
/// is the one that belongs to the image, as in the paper's figure 3.
std::vector<double> probabilities(const double* cosines, std::size_t count, double logit_scale);

/// A label of an image, as likely as it is.
struct RankedLabel {
  std::size_t label = 0;   ///< its place in the label set
  double score = 0;        ///< 100 x cosine
  double probability = 0;  ///< the softmax over all labels, with the model's logit scale
};

/// The `top_k` likeliest of `count` labels, or all where there are fewer. Of equal ones, the one
/// that comes first in the set is first.
std::vector<RankedLabel> rank_labels(const double* cosines, std::size_t count, double logit_scale,
                                     std::size_t top_k);

}  // namespace clip
