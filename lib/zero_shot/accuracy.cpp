#include "zero_shot/accuracy.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

namespace clip {
namespace {

double share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Accuracy::Accuracy(std::size_t classes) : of_class_(classes) {}

void Accuracy::add(std::size_t truth, const std::vector<RankedLabel>& ranking) {
  ++images_;
  ++of_class_[truth];
  ++confusion_[{truth, ranking.front().label}];
  for (std::size_t rank = 0; rank < ranking.size(); ++rank) {
    if (ranking[rank].label != truth) continue;
    if (at_rank_.size() <= rank) at_rank_.resize(rank + 1);
    ++at_rank_[rank];
  }
}

double Accuracy::top_k(std::size_t k) const {
  const auto end = at_rank_.begin() + static_cast<std::ptrdiff_t>(std::min(k, at_rank_.size()));
  return share(std::accumulate(at_rank_.begin(), end, std::uint64_t{0}), images_);
}

double Accuracy::recall(std::size_t of_class) const {
  return share(confusion(of_class, of_class), images(of_class));
}

double Accuracy::mean_recall() const {
  double sum = 0;
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < of_class_.size(); ++i) {
    if (images(i) == 0) continue;
    sum += recall(i);
    ++counted;
  }
  return counted == 0 ? share(0, 0) : sum / static_cast<double>(counted);
}

std::uint64_t Accuracy::confusion(std::size_t truth, std::size_t predicted) const {
  const auto found = confusion_.find({truth, predicted});
  return found == confusion_.end() ? 0 : found->second;
}

std::vector<Accuracy::Confused> Accuracy::confusion() const {
  std::vector<Confused> pairs;
  for (const auto& [pair, count] : confusion_) pairs.push_back({pair.first, pair.second, count});
  return pairs;
}

std::vector<Accuracy::Confused> Accuracy::confused_pairs(std::size_t max) const {
  std::vector<Confused> pairs = confusion();
  pairs.erase(std::remove_if(pairs.begin(), pairs.end(),
                             [](const Confused& pair) { return pair.truth == pair.predicted; }),
              pairs.end());
  std::sort(pairs.begin(), pairs.end(), [](const Confused& a, const Confused& b) {
    return std::tuple(b.images, a.truth, a.predicted) < std::tuple(a.images, b.truth, b.predicted);
  });
  if (pairs.size() > max) pairs.resize(max);
  return pairs;
}

}  // namespace clip
