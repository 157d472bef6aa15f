// How well pictures and prompts agree.
#pragma once

#include <vector>

#include "encoder/embeddings.h"

namespace clip {

// Cosines of every picture with every prompt, [pictures, prompts] row-major. Both must have been
// normalized and have the same dimension.
std::vector<double> cosine_matrix(const Embeddings& pictures, const Embeddings& prompts);

// The same of one picture, [prompts].
std::vector<double> cosines_with(const float* picture, const Embeddings& prompts);

// The softmax of logit_scale x cosine over one picture's `count` prompts: the probability that each
// is the one that belongs to the picture, as in the paper's figure 3.
std::vector<double> probabilities(const double* cosines, std::size_t count, double logit_scale);

}  // namespace clip
