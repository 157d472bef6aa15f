// The labels of a picture, the likeliest first.
#pragma once

#include <cstddef>
#include <vector>

namespace clip {

struct RankedLabel {
  std::size_t label = 0;   // its place in the label set
  double score = 0;        // 100 x cosine
  double probability = 0;  // the softmax over all labels, with the model's logit scale
};

// The `top_k` likeliest of `count` labels, or all where there are fewer. Of equal ones, the one
// that comes first in the set is first.
std::vector<RankedLabel> rank_labels(const double* cosines, std::size_t count, double logit_scale,
                                     std::size_t top_k);

}  // namespace clip
