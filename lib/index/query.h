// What is searched for: texts and images, with weights, combined into one embedding.
#pragma once

#include <string>
#include <vector>

namespace clip {

enum class TermKind { kText, kImage };

struct QueryTerm {
  TermKind kind = TermKind::kText;
  std::string name;              // the text, or the image's path
  double weight = 1;             // negative: what it shows is not wanted
  std::vector<float> embedding;  // normalized
};

// The normalized sum of weight x scale x embedding over all terms. Cosines of images with images
// are higher, and differ more, than those of texts with images; so in a query that has both, the
// scale of an image is what gives its cosines over the collection the standard deviation that the
// texts' have (the root mean square of theirs), and that of a text is 1. In a query of one kind all
// scales are 1, so that a query of one text is that text's embedding. README.md has measurements.
//
// `stds`: of the cosines of each term over the collection, a number a term; used where both kinds
// are there. Throws Error (kInvalidArgument) where the terms cancel each other out.
std::vector<float> combined_query(const std::vector<QueryTerm>& terms,
                                  const std::vector<double>& stds);

// Whether the query has both kinds, so that `stds` count.
bool needs_scales(const std::vector<QueryTerm>& terms);

}  // namespace clip
