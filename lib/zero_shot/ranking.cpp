#include <algorithm>
#include <cmath>
#include <numeric>

#include "clip/zero_shot.h"

namespace clip {

std::vector<double> probabilities(const double* cosines, std::size_t count, double logit_scale) {
  std::vector<double> shares(cosines, cosines + count);
  if (count == 0) return shares;
  // Shifting by the maximum keeps the exponentials in range and changes nothing else.
  const double max = *std::max_element(shares.begin(), shares.end());
  double sum = 0;
  for (double& share : shares) sum += share = std::exp(logit_scale * (share - max));
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<RankedLabel> rank_labels(const double* cosines, std::size_t count, double logit_scale,
                                     std::size_t top_k) {
  const std::vector<double> shares = probabilities(cosines, count, logit_scale);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(top_k, count));
  std::partial_sort(order.begin(), end, order.end(), [&](std::size_t a, std::size_t b) {
    return cosines[a] != cosines[b] ? cosines[a] > cosines[b] : a < b;
  });
  std::vector<RankedLabel> ranking;
  for (auto label = order.begin(); label != end; ++label) {
    ranking.push_back({*label, 100 * cosines[*label], shares[*label]});
  }
  return ranking;
}

}  // namespace clip
