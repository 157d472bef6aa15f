#include "index/scan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include "base/half.h"
#include "index/scan_kernels.h"

using namespace clip;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Rows in memory as a vector file has them.
class TestRows {
 public:
  TestRows(std::int64_t count, std::int64_t dim, unsigned seed)
      : dim_(dim), halves_(static_cast<std::size_t>(count * row_stride(dim))) {
    rows_.values = halves_.data();
    rows_.count = count;
    rows_.dim = dim;
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 1 / std::sqrt(static_cast<float>(dim)));
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t k = 0; k < dim; ++k) set(i, k, normal(random));
    }
  }

  const VectorRows& rows() const { return rows_; }
  std::uint16_t* row(std::int64_t i) { return halves_.data() + i * row_stride(dim_); }
  void set(std::int64_t i, std::int64_t k, float value) { row(i)[k] = half_from_float(value); }
  void copy(std::int64_t from, std::int64_t to) {
    std::copy_n(row(from), row_stride(dim_), row(to));
  }

 private:
  std::int64_t dim_;
  std::vector<std::uint16_t> halves_;
  VectorRows rows_;
};

std::vector<float> random_query(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.2F);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

double reference(const VectorRows& rows, std::int64_t row, const float* query,
                 double* magnitude = nullptr) {
  double sum = 0, absolute = 0;
  for (std::int64_t k = 0; k < rows.dim; ++k) {
    const double product = double(float_from_half(rows.row(row)[k])) * query[k];
    sum += product;
    absolute += std::abs(product);
  }
  if (magnitude != nullptr) *magnitude = absolute;
  return sum;
}

std::vector<float> widened(const VectorRows& rows, std::int64_t row) {
  std::vector<float> values;
  for (std::int64_t k = 0; k < rows.dim; ++k) values.push_back(float_from_half(rows.row(row)[k]));
  return values;
}

std::vector<std::int64_t> rows_of(const std::vector<Hit>& hits) {
  std::vector<std::int64_t> rows;
  for (const Hit& hit : hits) rows.push_back(hit.row);
  return rows;
}

// Each kernel that this processor runs; the plain one is always among them.
std::vector<const ScanKernel*> kernels_here() {
  std::vector<const ScanKernel*> here;
  for (const ScanKernel& kernel : scan_kernels()) {
    if (kernel.runs_here()) here.push_back(&kernel);
  }
  return here;
}

}  // namespace

TEST_CASE("every kernel widens all halves exactly") {
  std::vector<std::uint16_t> halves(0x10000);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  REQUIRE(std::string(kernels_here().back()->name) == "plain");
  for (const ScanKernel* kernel : kernels_here()) {
    CAPTURE(kernel->name);
    std::vector<float> wide(halves.size());
    kernel->widen(halves.data(), static_cast<std::int64_t>(halves.size()), wide.data());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < halves.size(); ++i) {
      const float expected = float_from_half(halves[i]);
      const bool same = std::isnan(expected) ? std::isnan(wide[i])
                                             : wide[i] == expected &&
                                                   std::signbit(wide[i]) == std::signbit(expected);
      wrong += same ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("every kernel multiplies as the formula says, and a score is the same in any tile") {
  for (const ScanKernel* kernel : kernels_here()) {
    for (const std::int64_t dim : {1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 100, 512, 513, 768}) {
      CAPTURE(kernel->name);
      CAPTURE(dim);
      constexpr std::int64_t kRows = 11, kQueries = 7;
      const TestRows rows(kRows, dim, 1);
      const std::vector<float> queries = random_query(kQueries * dim, 2);
      const std::int64_t stride = row_stride(dim);
      std::vector<float> padded(static_cast<std::size_t>(kQueries * stride));
      for (std::int64_t q = 0; q < kQueries; ++q) {
        std::copy_n(queries.data() + q * dim, dim, padded.data() + q * stride);
      }
      std::vector<float> scores(kRows * kQueries, kNaN);
      kernel->dots(rows.rows().values, kRows, padded.data(), kQueries, stride, scores.data(),
                   kRows);
      for (std::int64_t r = 0; r < kRows; ++r) {
        for (std::int64_t q = 0; q < kQueries; ++q) {
          const float score = scores[static_cast<std::size_t>(q * kRows + r)];
          double magnitude = 0;
          const double expected = reference(rows.rows(), r, queries.data() + q * dim, &magnitude);
          CHECK(std::abs(score - expected) <= 1e-6 * magnitude);
          float alone = kNaN;
          kernel->dots(rows.rows().row(r), 1, padded.data() + q * stride, 1, stride, &alone, 1);
          CHECK(alone == score);
        }
      }
    }
  }
}

TEST_CASE("every kernel's tiles are products of rows and columns") {
  for (const ScanKernel* kernel : kernels_here()) {
    for (const std::int64_t dim : {3, 32, 64, 500}) {
      CAPTURE(kernel->name);
      CAPTURE(dim);
      const std::int64_t height = kernel->tile_rows, width = kernel->tile_columns;
      const TestRows rows(height, dim, 3), columns(width, dim, 4);
      const std::int64_t stride = row_stride(dim), gap = stride + 16;
      std::vector<float> left(static_cast<std::size_t>(height * gap), kNaN);
      for (std::int64_t i = 0; i < height; ++i) {
        kernel->widen(rows.rows().row(i), stride, left.data() + i * gap);
      }
      std::vector<float> right(static_cast<std::size_t>(width * stride));
      for (std::int64_t j = 0; j < width; ++j) {
        for (std::int64_t k = 0; k < dim; ++k) {
          right[static_cast<std::size_t>(k * width + j)] =
              float_from_half(columns.rows().row(j)[k]);
        }
      }
      std::vector<float> products(static_cast<std::size_t>(height * width), kNaN);
      const auto tile = [&](float threshold) {
        return kernel->tile(left.data(), gap, right.data(), stride, threshold, products.data());
      };
      tile(0);
      float greatest = -kInfinity;
      for (std::int64_t i = 0; i < height; ++i) {
        for (std::int64_t j = 0; j < width; ++j) {
          const float product = products[static_cast<std::size_t>(i * width + j)];
          const std::vector<float> column = widened(columns.rows(), j);
          CHECK(std::abs(product - reference(rows.rows(), i, column.data())) < 1e-5);
          greatest = std::max(greatest, product);
        }
      }
      CHECK(tile(greatest));
      CHECK_FALSE(tile(std::nextafter(greatest, kInfinity)));
    }
  }
}

TEST_CASE("the first rows are those of a sort, for any number of rows, threads and queries") {
  for (const std::int64_t count : {0, 1, 2, 63, 64, 65, 1000, 5000}) {
    for (const std::int64_t dim : {5, 40, 512}) {
      CAPTURE(count);
      CAPTURE(dim);
      constexpr std::int64_t kQueries = 70;  // more than one block of them
      const TestRows rows(count, dim, 5);
      const std::vector<float> queries = random_query(kQueries * dim, 6);
      const std::vector<Found> found = search_rows(rows.rows(), queries.data(), kQueries, 10);
      for (std::int64_t q = 0; q < kQueries; ++q) {
        const float* query = queries.data() + q * dim;
        const std::vector<Hit>& hits = found[static_cast<std::size_t>(q)].hits;
        REQUIRE(hits.size() == std::min<std::size_t>(10, static_cast<std::size_t>(count)));
        std::vector<double> expected;
        for (std::int64_t i = 0; i < count; ++i)
          expected.push_back(reference(rows.rows(), i, query));
        std::vector<double> sorted = expected;
        std::sort(sorted.begin(), sorted.end(), std::greater<>());
        std::set<std::int64_t> different;
        for (std::size_t i = 0; i < hits.size(); ++i) {
          const double truth = expected[static_cast<std::size_t>(hits[i].row)];
          CHECK(std::abs(hits[i].score - truth) < 1e-5);
          CHECK(std::abs(sorted[i] - truth) < 1e-5);
          different.insert(hits[i].row);
        }
        CHECK(different.size() == hits.size());
        if (q % 23 != 0) continue;
        for (const int threads : {1, 2, 3, 9}) {
          const std::vector<Hit> alone = top_rows(rows.rows(), query, 10, nullptr, threads);
          REQUIRE(rows_of(alone) == rows_of(hits));
          for (std::size_t i = 0; i < hits.size(); ++i) CHECK(alone[i].score == hits[i].score);
        }
        const std::vector<Hit> all =
            top_rows(rows.rows(), query, static_cast<std::size_t>(count) + 100);
        CHECK(all.size() == static_cast<std::size_t>(count));
        CHECK(top_rows(rows.rows(), query, 0).empty());
      }
    }
  }
  CHECK(search_rows(TestRows(3, 8, 7).rows(), nullptr, 0, 10).empty());
}

TEST_CASE("of equal scores the smaller row comes first") {
  TestRows rows(3000, 24, 8);
  for (const std::int64_t copy : {2999, 5, 1500, 64, 63}) rows.copy(7, copy);
  const std::vector<float> query = widened(rows.rows(), 7);
  for (const int threads : {1, 2, 5}) {
    CHECK(rows_of(top_rows(rows.rows(), query.data(), 4, nullptr, threads)) ==
          std::vector<std::int64_t>{5, 7, 63, 64});
  }
  const TestRows zeros(0, 24, 8);
  CHECK(top_rows(zeros.rows(), query.data(), 4).empty());
}

TEST_CASE("rows that do not count are not found") {
  const TestRows rows(1000, 33, 9);
  const std::vector<float> query = random_query(33, 10);
  std::mt19937 random(11);
  for (const int share : {0, 1, 10, 500, 1000}) {
    RowFilter filter(1000);
    std::vector<Hit> expected;
    const std::vector<float> scores = all_scores(rows.rows(), query.data());
    for (std::int64_t i = 0; i < 1000; ++i) {
      if (static_cast<int>(random() % 1000) >= share) continue;
      CHECK(filter.add(i));
      expected.push_back({i, scores[static_cast<std::size_t>(i)]});
    }
    CHECK(filter.count() == static_cast<std::int64_t>(expected.size()));
    std::sort(expected.begin(), expected.end(),
              [](const Hit& a, const Hit& b) { return a.score > b.score; });
    CHECK(rows_of(top_rows(rows.rows(), query.data(), 1000, &filter)) == rows_of(expected));
    const std::vector<float> some = all_scores(rows.rows(), query.data(), &filter);
    for (std::int64_t i = 0; i < 1000; ++i) {
      const auto at = static_cast<std::size_t>(i);
      if (filter.holds(i)) {
        CHECK(some[at] == scores[at]);
      } else {
        CHECK(std::isnan(some[at]));
      }
    }
  }
  RowFilter early(100);  // made before rows were added
  CHECK(early.add(99));
  CHECK_FALSE(early.add(100));
  CHECK_FALSE(early.add(-1));
  CHECK_FALSE(early.holds(100));
  CHECK_FALSE(early.holds(-1));
  CHECK(rows_of(top_rows(rows.rows(), query.data(), 10, &early)) == std::vector<std::int64_t>{99});
  early.remove(99);
  early.remove(5000);
  CHECK(early.count() == 0);
}

TEST_CASE("NaN is never found, infinity is an extreme") {
  TestRows rows(200, 20, 12);
  const std::vector<float> query(20, 1.0F);
  rows.set(3, 4, kNaN);
  rows.set(130, 0, kInfinity);
  rows.set(131, 19, -kInfinity);
  rows.set(132, 1, kInfinity);
  rows.set(132, 2, -kInfinity);  // their sum is NaN
  const std::vector<Hit> hits = top_rows(rows.rows(), query.data(), 500);
  CHECK(hits.size() == 198);
  CHECK(hits.front().row == 130);
  CHECK(hits.front().score == kInfinity);
  CHECK(hits.back().row == 131);
  for (const Hit& hit : hits) CHECK_FALSE(std::isnan(hit.score));
  CHECK(search_rows(rows.rows(), query.data(), 1, 5).front().moments.count == 196);
  const std::vector<float> unusable(20, kNaN);
  CHECK(top_rows(rows.rows(), unusable.data(), 5).empty());
  CHECK(search_rows(rows.rows(), unusable.data(), 1, 5).front().moments.count == 0);
}

TEST_CASE("moments are those of the scores that count") {
  for (const std::int64_t count : {0, 1, 64, 65, 5000}) {
    CAPTURE(count);
    const TestRows rows(count, 100, 13);
    const std::vector<float> query = random_query(100, 14);
    RowFilter filter(count);
    for (std::int64_t i = 0; i < count; i += 3) filter.add(i);
    for (const RowFilter* each :
         {static_cast<const RowFilter*>(nullptr), static_cast<const RowFilter*>(&filter)}) {
      double sum = 0, squares = 0;
      std::int64_t used = 0;
      const std::vector<float> scores = all_scores(rows.rows(), query.data(), each);
      for (const float score : scores) {
        if (std::isnan(score)) continue;
        ++used;
        sum += score;
      }
      const double mean = used == 0 ? 0 : sum / double(used);
      for (const float score : scores) {
        if (!std::isnan(score)) squares += (score - mean) * (score - mean);
      }
      const double std = used == 0 ? 0 : std::sqrt(squares / double(used));
      for (const int threads : {1, 2, 4}) {
        const Moments moments =
            search_rows(rows.rows(), query.data(), 1, 1, each, threads).front().moments;
        CHECK(moments.count == used);
        CHECK(std::abs(moments.mean - mean) < 1e-12);
        CHECK(std::abs(moments.std - std) < 1e-12);
        const Moments again = search_rows(rows.rows(), query.data(), 1, 1, each).front().moments;
        CHECK(again.mean == moments.mean);
        CHECK(again.std == moments.std);
      }
      const Moments of_scores = moments_of(scores);
      CHECK(of_scores.count == used);
      CHECK(std::abs(of_scores.mean - mean) < 1e-12);
      CHECK(std::abs(of_scores.std - std) < 1e-12);
    }
  }
  const Moments equal = moments_of(std::vector<float>(1001, 0.3F));
  CHECK(equal.mean == double(0.3F));
  CHECK(equal.std == 0);
}

TEST_CASE("scores of some rows are those of all rows") {
  const TestRows rows(500, 45, 15);
  constexpr std::int64_t kQueries = 6;
  const std::vector<float> queries = random_query(kQueries * 45, 16);
  std::vector<std::int64_t> which = {499, 0, 7, 7};
  for (std::int64_t i = 0; i < 200; ++i) which.push_back(i * 2);
  const std::vector<float> some = scores_of(rows.rows(), which, queries.data(), kQueries);
  REQUIRE(some.size() == which.size() * kQueries);
  for (std::int64_t q = 0; q < kQueries; ++q) {
    const std::vector<float> all = all_scores(rows.rows(), queries.data() + q * 45);
    for (std::size_t i = 0; i < which.size(); ++i) {
      CHECK(some[i * kQueries + static_cast<std::size_t>(q)] ==
            all[static_cast<std::size_t>(which[i])]);
    }
  }
  CHECK(scores_of(rows.rows(), {}, queries.data(), kQueries).empty());
}

namespace {

using PairSet = std::set<std::pair<std::int64_t, std::int64_t>>;

// Rows of length 1, some of them nearly alike.
TestRows alike_rows(std::int64_t count, std::int64_t dim) {
  TestRows rows(count, dim, 17);
  std::mt19937 random(18);
  for (std::int64_t i = 0; i < count; ++i) {
    std::vector<float> values = widened(rows.rows(), i);
    if (i % 4 == 3) values = widened(rows.rows(), static_cast<std::int64_t>(random()) % i);
    double square = 0;
    for (float& value : values) {
      if (i % 4 == 3) value += std::normal_distribution<float>(0, 0.02F)(random);
      square += double(value) * value;
    }
    for (std::int64_t k = 0; k < dim; ++k) {
      rows.set(i, k, static_cast<float>(values[static_cast<std::size_t>(k)] / std::sqrt(square)));
    }
  }
  return rows;
}

}  // namespace

TEST_CASE("pairs are those of a double loop") {
  for (const std::int64_t count : {0, 1, 2, 3, 12, 13, 33, 700}) {
    for (const std::int64_t dim : {3, 48, 512}) {
      CAPTURE(count);
      CAPTURE(dim);
      const TestRows rows = alike_rows(count, dim);
      RowFilter filter(count);
      for (std::int64_t i = 0; i < count; ++i) {
        if (i % 5 != 2) filter.add(i);
      }
      for (const bool some : {false, true}) {
        const float threshold = 0.8F;
        PairSet expected;
        for (std::int64_t j = 0; j < count; ++j) {
          if (some && !filter.holds(j)) continue;
          const std::vector<float> row = widened(rows.rows(), j);
          const std::vector<float> scores =
              all_scores(rows.rows(), row.data(), some ? &filter : nullptr);
          for (std::int64_t i = 0; i < j; ++i) {
            if (scores[static_cast<std::size_t>(i)] >= threshold) expected.insert({i, j});
          }
        }
        for (const int threads : {1, 2, 3}) {
          PairSet found;
          std::size_t given = 0;
          double done = 0;
          PairCallbacks callbacks;
          callbacks.use = [&](const std::vector<Pair>& pairs) {
            for (const Pair& pair : pairs) {
              ++given;
              found.insert({pair.first, pair.second});
              const std::vector<float> row = widened(rows.rows(), pair.second);
              CHECK(pair.score == scores_of(rows.rows(), {pair.first}, row.data(), 1, 1).front());
            }
          };
          callbacks.progress = [&](double share) {
            CHECK(share >= done);
            CHECK(share <= 1);
            done = share;
          };
          CHECK(pairs_above(rows.rows(), threshold, some ? &filter : nullptr, threads, callbacks));
          CHECK(found == expected);
          CHECK(given == found.size());
          if (count > 2) CHECK(done == doctest::Approx(1));
        }
      }
    }
  }
}

TEST_CASE("many equal rows are given in portions, NaN in none") {
  constexpr std::int64_t kCount = 1000;
  TestRows rows = alike_rows(kCount, 32);
  for (std::int64_t i = 1; i < kCount; ++i) rows.copy(0, i);
  rows.set(500, 3, kNaN);
  rows.set(501, 3, kInfinity);
  std::size_t pairs = 0, infinite = 0, greatest = 0;
  PairCallbacks callbacks;
  callbacks.use = [&](const std::vector<Pair>& some) {
    for (const Pair& pair : some) {
      CHECK(pair.first < pair.second);
      CHECK(pair.first != 500);
      CHECK(pair.second != 500);
      infinite += std::isinf(pair.score) ? 1 : 0;
    }
    pairs += some.size();
    greatest = std::max(greatest, some.size());
  };
  CHECK(pairs_above(rows.rows(), 0.9F, nullptr, 0, callbacks));
  CHECK(pairs - infinite == 998 * 997 / 2);
  CHECK(greatest < 200000);
}

TEST_CASE("work on pairs ends when it is cancelled, or when the callback throws") {
  const TestRows rows = alike_rows(3000, 64);
  CancelToken stop;
  PairCallbacks callbacks;
  callbacks.stop = &stop;
  std::size_t calls = 0;
  callbacks.use = [&](const std::vector<Pair>&) {
    ++calls;
    stop.cancel();
  };
  CHECK_FALSE(pairs_above(rows.rows(), 0.5F, nullptr, 2, callbacks));
  CHECK(calls >= 1);
  CHECK(calls <= 2);
  callbacks.stop = nullptr;
  callbacks.use = [](const std::vector<Pair>&) { throw std::runtime_error("full"); };
  CHECK_THROWS_WITH(pairs_above(rows.rows(), 0.5F, nullptr, 2, callbacks), "full");
}
