#include "zero_shot/ranking.h"

#include <algorithm>
#include <numeric>

#include "zero_shot/similarity.h"

namespace clip {

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
