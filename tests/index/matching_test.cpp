#include "index/matching.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "base/half.h"

using namespace clip;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
// A match has 0.48 at least, a sure one 0.5 of 1,000.
constexpr Moments kBackground = {1000, 0.2, 0.1};

using Rows = std::vector<std::size_t>;

Rows matching(const std::vector<float>& cosines, const std::vector<double>& odds,
              const Moments& background = kBackground) {
  return matching_rows(cosines.data(), cosines.size(), 1000, background,
                       [&](std::size_t row) { return odds.at(row); });
}

// The log odds are those of a sure image.
Rows matching_by_z(const std::vector<float>& cosines, const Moments& background = kBackground) {
  return matching_rows(cosines.data(), cosines.size(), 1000, background,
                       [](std::size_t) { return 9.0; });
}

}  // namespace

TEST_CASE("an image matches by z and log odds, where one is sure") {
  CHECK(matching({0.51f, 0.49f, 0.45f, 0.49f}, {2.5, 0.1, 9, -0.1}) == Rows{0, 1});
  CHECK(matching({0.49f, 0.51f}, {0, 2}) == Rows{0, 1});
}

TEST_CASE("nothing matches where none is sure of both") {
  CHECK(matching({0.49f, 0.495f}, {5, 5}).empty());     // z
  CHECK(matching({0.60f, 0.55f}, {1.9, 1.5}).empty());  // log odds
  CHECK(matching({0.60f, 0.49f}, {1.9, 5}).empty());    // each by another image
  CHECK(matching({0.60f, 0.49f}, {2.1, 5}) == Rows{0, 1});
}

TEST_CASE("no images, one, two; all match, none does") {
  CHECK(matching(std::vector<float>{}, std::vector<double>{}).empty());
  CHECK(matching({0.51f}, {3}) == Rows{0});
  CHECK(matching({0.3f}, {3}).empty());
  CHECK(matching({0.51f, 0.1f}, {3, 3}) == Rows{0});
  CHECK(matching(std::vector<float>(500, 0.51f), std::vector<double>(500, 2)).size() == 500);
  CHECK(matching(std::vector<float>(500, 0.2f), std::vector<double>(500, 2)).empty());
}

TEST_CASE("among more images, it takes more to be sure") {
  CHECK(min_sure_z(1000) == doctest::Approx(3));
  CHECK(min_sure_z(100) == doctest::Approx(2.75));
  CHECK(min_sure_z(10000) == doctest::Approx(3.25));
  CHECK(min_sure_z(100000) == min_sure_z(1000000));
  CHECK(min_sure_z(0) == min_sure_z(1));
  const float cosine = 0.51f;  // z is 3.1
  const auto odds = [](std::size_t) { return 5.0; };
  CHECK(matching_rows(&cosine, 1, 1000, kBackground, odds) == Rows{0});
  CHECK(matching_rows(&cosine, 1, 10000, kBackground, odds).empty());
}

TEST_CASE("log odds are asked for candidates alone, once each") {
  const std::vector<float> cosines = {0.1f, 0.51f, 0.47f, kNaN, 0.9f};
  Rows asked;
  const Rows rows =
      matching_rows(cosines.data(), cosines.size(), 1000, kBackground, [&](std::size_t row) {
        asked.push_back(row);
        return 3.0;
      });
  CHECK(asked == Rows{1, 4});
  CHECK(rows == Rows{1, 4});
  CHECK(min_cosine(kBackground) == doctest::Approx(0.48));
}

TEST_CASE("what is not a number never matches, and disturbs nothing") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(matching({kNaN, 0.51f, infinity, -infinity}, {3, 3, 3, 3}) == Rows{1});
  CHECK(matching({0.51f, 0.51f}, {std::nan(""), 3}) == Rows{1});
  CHECK(matching_by_z({0.51f}, moments_of({})).empty());
  CHECK(matching_by_z({0.51f}, moments_of({kNaN})).empty());
}

TEST_CASE("a background that does not vary") {
  const Moments equal = moments_of({0.75f, 0.75f, 0.75f});
  CHECK(equal.std == 0);
  CHECK(matching_by_z({0.75f, 0.75f, 0.75f}, equal) == Rows{0, 1, 2});
  CHECK(matching_by_z({0.5f, 0.5f, 0.5f}, equal).empty());
}

TEST_CASE("another order of the rows gives the same images") {
  std::mt19937 random(3);
  std::normal_distribution<float> cosine(0.37f, 0.1f);
  std::normal_distribution<double> odds(0, 3);
  std::vector<float> cosines(300);
  std::vector<double> all_odds(300);
  for (std::size_t i = 0; i < cosines.size(); ++i) {
    cosines[i] = cosine(random);
    all_odds[i] = odds(random);
  }
  const Rows first = matching(cosines, all_odds);
  CHECK(first.size() > 5);
  CHECK(first.size() < 100);
  Rows order(cosines.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  std::vector<float> moved;
  std::vector<double> moved_odds;
  for (const std::size_t row : order) {
    moved.push_back(cosines[row]);
    moved_odds.push_back(all_odds[row]);
  }
  Rows back;
  for (const std::size_t row : matching(moved, moved_odds)) back.push_back(order[row]);
  std::sort(back.begin(), back.end());
  CHECK(back == first);
}

TEST_CASE("log odds are those of the softmax") {
  const float prompts[] = {0.3f, 0.1f};
  const double expected = std::log(std::exp(50 * 0.4) / (std::exp(50 * 0.3) + std::exp(50 * 0.1)));
  CHECK(log_odds(0.4, prompts, 2, 50) == doctest::Approx(expected).epsilon(1e-6));
  CHECK(log_odds(0.3f, prompts, 1, 50) == doctest::Approx(0));
  CHECK(std::isinf(log_odds(0.3, prompts, 0, 50)));
  // Exponentials that no double holds.
  CHECK(log_odds(0.9, prompts, 2, 1e5) == doctest::Approx(6e4).epsilon(1e-6));
}

TEST_CASE("near-synonyms of the query do not compete with it") {
  // Unit vectors in a plane, at these angles in degrees: nearest are 10, 10, 30, 50 away.
  Embeddings bank;
  bank.dim = 2;
  for (const double angle : {0.0, 10.0, 40.0, 90.0}) {
    bank.values.push_back(static_cast<float>(std::cos(angle * M_PI / 180)));
    bank.values.push_back(static_cast<float>(std::sin(angle * M_PI / 180)));
    ++bank.count;
  }
  const double cosine = near_synonym_cosine(bank);
  const double between = (std::cos(10 * M_PI / 180) + std::cos(30 * M_PI / 180)) / 2;
  CHECK(cosine == doctest::Approx(between).epsilon(1e-6));
  CHECK(competing_prompts(bank.row(0), bank, cosine) == std::vector<std::int64_t>{2, 3});
  CHECK(competing_prompts(bank.row(3), bank, cosine) == std::vector<std::int64_t>{0, 1, 2});
  bank.count = 1;
  CHECK(competing_prompts(bank.row(0), bank, near_synonym_cosine(bank)).size() == 1);
}

TEST_CASE("a sample is of the same vectors wherever they stand") {
  constexpr std::int64_t kDim = 40, kCount = 500;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::uint16_t> values(static_cast<std::size_t>(kCount * row_stride(kDim)));
  for (std::int64_t i = 0; i < kCount; ++i) {
    for (std::int64_t k = 0; k < kDim; ++k) {
      values[static_cast<std::size_t>(i * row_stride(kDim) + k)] = half_from_float(normal(random));
    }
  }
  std::vector<std::int64_t> order(kCount);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const VectorRows rows = {values.data(), kCount, kDim};
  const std::vector<std::int64_t> sample = background_sample(rows, order, 50);
  CHECK(sample.size() == 50);
  CHECK(std::is_sorted(sample.begin(), sample.end()));
  CHECK(sample.back() > 250);  // spread, not the first ones

  std::vector<std::int64_t> shuffled = order;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  std::vector<std::uint16_t> moved;
  for (const std::int64_t row : shuffled) {
    moved.insert(moved.end(), rows.row(row), rows.row(row) + row_stride(kDim));
  }
  std::vector<std::int64_t> again;
  for (const std::int64_t row : background_sample({moved.data(), kCount, kDim}, order, 50)) {
    again.push_back(shuffled[static_cast<std::size_t>(row)]);
  }
  std::sort(again.begin(), again.end());
  CHECK(again == sample);

  // Rows that are left out, and samples that are whole.
  const std::vector<std::int64_t> odd = {1, 3, 5};
  CHECK(background_sample(rows, odd, 50) == odd);
  CHECK(background_sample(rows, odd, 2).size() == 2);
  CHECK(background_sample(rows, {}, 2).empty());
}
