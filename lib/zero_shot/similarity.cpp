#include "zero_shot/similarity.h"

#include <algorithm>
#include <cmath>

namespace clip {

std::vector<double> cosines_with(const float* picture, const Embeddings& prompts) {
  std::vector<double> cosines;
  cosines.reserve(static_cast<std::size_t>(prompts.count));
  for (std::int64_t i = 0; i < prompts.count; ++i) {
    const float* prompt = prompts.row(i);
    double dot = 0;
    for (std::int64_t k = 0; k < prompts.dim; ++k) dot += double(picture[k]) * prompt[k];
    cosines.push_back(dot);
  }
  return cosines;
}

std::vector<double> cosine_matrix(const Embeddings& pictures, const Embeddings& prompts) {
  std::vector<double> cosines;
  cosines.reserve(static_cast<std::size_t>(pictures.count * prompts.count));
  for (std::int64_t i = 0; i < pictures.count; ++i) {
    const std::vector<double> row = cosines_with(pictures.row(i), prompts);
    cosines.insert(cosines.end(), row.begin(), row.end());
  }
  return cosines;
}

std::vector<double> probabilities(const double* cosines, std::size_t count, double logit_scale) {
  std::vector<double> shares(cosines, cosines + count);
  if (count == 0) return shares;
  // Shifting by the largest keeps the exponentials in range and changes nothing else.
  const double largest = *std::max_element(shares.begin(), shares.end());
  double sum = 0;
  for (double& share : shares) sum += share = std::exp(logit_scale * (share - largest));
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace clip
