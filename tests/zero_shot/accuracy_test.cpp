#include "zero_shot/accuracy.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace clip;

namespace {

std::vector<RankedLabel> ranking(std::initializer_list<std::size_t> labels) {
  std::vector<RankedLabel> ranking;
  for (const std::size_t label : labels) ranking.push_back({label, 0, 0});
  return ranking;
}

}  // namespace

TEST_CASE("shares of images whose class is at the top") {
  Accuracy accuracy(4);
  accuracy.add(0, ranking({0, 1, 2}));
  accuracy.add(0, ranking({1, 0, 2}));
  accuracy.add(0, ranking({1, 2, 0}));
  accuracy.add(1, ranking({1, 2, 3}));
  accuracy.add(2, ranking({1, 3, 0}));
  CHECK(accuracy.images() == 5);
  CHECK(accuracy.top_k(1) == doctest::Approx(2.0 / 5));
  CHECK(accuracy.top_k(2) == doctest::Approx(3.0 / 5));
  CHECK(accuracy.top_k(5) == doctest::Approx(4.0 / 5));
  CHECK(accuracy.recall(0) == doctest::Approx(1.0 / 3));
  CHECK(accuracy.recall(1) == 1);
  CHECK(accuracy.recall(2) == 0);
  CHECK(std::isnan(accuracy.recall(3)));
  // Over the three classes that have images.
  CHECK(accuracy.mean_recall() == doctest::Approx((1.0 / 3 + 1) / 3));
}

TEST_CASE("pairs of classes that are confused, the largest numbers first") {
  Accuracy accuracy(3);
  for (int i = 0; i < 2; ++i) accuracy.add(2, ranking({0}));
  for (int i = 0; i < 3; ++i) accuracy.add(0, ranking({1}));
  for (int i = 0; i < 2; ++i) accuracy.add(1, ranking({2}));
  for (int i = 0; i < 9; ++i) accuracy.add(1, ranking({1}));
  CHECK(accuracy.confusion(0, 1) == 3);
  CHECK(accuracy.confusion(0, 2) == 0);
  CHECK(accuracy.confusion().size() == 4);
  const auto pairs = accuracy.confused_pairs(2);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[0].truth == 0);
  CHECK(pairs[0].predicted == 1);
  CHECK(pairs[0].images == 3);
  CHECK(pairs[1].truth == 1);  // of equal ones, the first
}

TEST_CASE("shares of no images are NaN") {
  const Accuracy accuracy(2);
  CHECK(std::isnan(accuracy.top_k(1)));
  CHECK(std::isnan(accuracy.mean_recall()));
  CHECK(accuracy.confused_pairs(5).empty());
}

TEST_CASE("probabilities are a softmax that does not overflow") {
  const std::vector<double> cosines = {1, 0, -1};
  const auto shares = probabilities(cosines.data(), cosines.size(), 2);
  const double sum = std::exp(2) + 1 + std::exp(-2);
  CHECK(shares[0] == doctest::Approx(std::exp(2) / sum));
  CHECK(shares[2] == doctest::Approx(std::exp(-2) / sum));
  CHECK(probabilities(cosines.data(), cosines.size(), 1e6)[0] == 1);
  CHECK(probabilities(cosines.data(), 0, 1).empty());
}

TEST_CASE("rankings are the softmax, best first, equal ones in their order") {
  const std::vector<double> cosines = {0.1, 0.3, 0.3, 0.2};
  const auto best = rank_labels(cosines.data(), cosines.size(), 10, 3);
  REQUIRE(best.size() == 3);
  CHECK(best[0].label == 1);
  CHECK(best[1].label == 2);
  CHECK(best[2].label == 3);
  CHECK(best[0].score == doctest::Approx(30));
  const double sum = std::exp(1) + 2 * std::exp(3) + std::exp(2);
  CHECK(best[0].probability == doctest::Approx(std::exp(3) / sum));
  CHECK(best[2].probability == doctest::Approx(std::exp(2) / sum));
  CHECK(rank_labels(cosines.data(), cosines.size(), 10, 99).size() == 4);
}
