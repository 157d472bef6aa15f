#include "nn/attention.h"

#include <doctest/doctest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "test_weights.h"

using namespace clip;
using namespace clip_test;

namespace {

struct Inputs {
  std::vector<float> q, k, v;
};

// softmax(q k^T) v of one query over a list of rows, head by head, in double precision.
std::vector<float> expected(const Inputs& inputs, const AttendedRows& attended, std::int64_t heads,
                            std::int64_t head_width) {
  const std::int64_t width = heads * head_width;
  std::vector<float> result;
  for (std::int64_t i = 0; i < attended.queries(); ++i) {
    for (std::int64_t head = 0; head < heads; ++head) {
      std::vector<double> weights;
      for (auto j = attended.begin[i]; j < attended.begin[i + 1]; ++j) {
        double score = 0;
        for (std::int64_t d = 0; d < head_width; ++d) {
          score += double(inputs.q[i * width + head * head_width + d]) *
                   inputs.k[attended.rows[j] * width + head * head_width + d];
        }
        weights.push_back(score);
      }
      const double max = *std::max_element(weights.begin(), weights.end());
      double sum = 0;
      for (double& weight : weights) sum += weight = std::exp(weight - max);
      for (std::int64_t d = 0; d < head_width; ++d) {
        double value = 0;
        for (std::size_t j = 0; j < weights.size(); ++j) {
          value += weights[j] / sum *
                   inputs.v[attended.rows[attended.begin[i] + j] * width + head * head_width + d];
        }
        result.push_back(float(value));
      }
    }
  }
  return result;
}

Inputs inputs_for(std::int64_t queries, std::int64_t rows, std::int64_t width, ElementType type) {
  return {rounded(random_numbers(queries * width, 0.5F, 1), type),
          rounded(random_numbers(rows * width, 0.5F, 2), type),
          rounded(random_numbers(rows * width, 1, 3), type)};
}

float tolerance(ElementType type) {
  return type == ElementType::kFloat32 ? 1e-5F : 0.02F;
}

// What attend() computes.
std::vector<float> attended_values(const Inputs& inputs, const AttendedRows& attended,
                                   std::int64_t heads, std::int64_t width, ElementType type) {
  Arena arena;
  const Rows out = rows_of(std::vector<float>(attended.queries() * width), width, type, &arena);
  attend(attended, heads, rows_of(inputs.q, width, type, &arena),
         rows_of(inputs.k, width, type, &arena), rows_of(inputs.v, width, type, &arena), out);
  return values_of(out);
}

// Prompts of these lengths, which share their first `shared` tokens: each token attends to those
// before it in its own prompt, and to itself.
AttendedRows prompts(const std::vector<std::int64_t>& lengths, std::int64_t shared) {
  AttendedRows attended;
  std::vector<std::int32_t> path;
  std::int32_t row = 0;
  for (const std::int64_t length : lengths) {
    path.resize(std::min<std::size_t>(path.size(), shared));
    while (std::int64_t(path.size()) < length) {
      path.push_back(row++);
      attended.rows.insert(attended.rows.end(), path.begin(), path.end());
      attended.begin.push_back(std::int64_t(attended.rows.size()));
    }
  }
  return attended;
}

}  // namespace

TEST_CASE("rows attend to the rows of their lists") {
  for (const auto type : {ElementType::kFloat32, ElementType::kBFloat16}) {
    for (const std::int64_t head_width : {64, 80, 20, 4}) {
      for (const std::int64_t rows : {1, 2, 15, 16, 17, 77}) {
        CAPTURE(head_width);
        CAPTURE(rows);
        const std::int64_t heads = 3, width = heads * head_width, queries = 6;
        // Query i attends to every (i + 1)th row, in reverse order.
        AttendedRows attended;
        for (std::int64_t i = 0; i < queries; ++i) {
          for (std::int64_t row = rows - 1; row >= 0; row -= i + 1) {
            attended.rows.push_back(std::int32_t(row));
          }
          attended.begin.push_back(std::int64_t(attended.rows.size()));
        }
        const Inputs inputs = inputs_for(queries, rows, width, type);
        CHECK(max_difference(attended_values(inputs, attended, heads, width, type),
                             expected(inputs, attended, heads, head_width)) < tolerance(type));
      }
    }
  }
}

TEST_CASE("tokens attend to those before them, whatever the prompts' lengths and the threads") {
  const int threads = omp_get_max_threads();
  const std::vector<std::vector<std::int64_t>> all_lengths = {
      {1}, {2}, {3, 4, 5}, {6, 7, 8, 9}, {16, 17}, {77, 12, 77}, {1, 1, 30}};
  for (const auto type : {ElementType::kFloat32, ElementType::kBFloat16}) {
    for (const std::int64_t head_width : {64, 20, 4}) {
      for (const auto& lengths : all_lengths) {
        for (const std::int64_t shared : {0, 1, 5}) {
          CAPTURE(head_width);
          CAPTURE(shared);
          CAPTURE(lengths.front());
          const std::int64_t heads = 3, width = heads * head_width;
          const AttendedRows attended = prompts(lengths, shared);
          const std::int64_t rows = attended.queries();
          const Inputs inputs = inputs_for(rows, rows, width, type);
          const auto wanted = expected(inputs, attended, heads, head_width);
          for (const int used : {1, 2, 5}) {
            omp_set_num_threads(used);
            CHECK(max_difference(attended_values(inputs, attended, heads, width, type), wanted) <
                  tolerance(type));
          }
        }
      }
    }
  }
  omp_set_num_threads(threads);
}

TEST_CASE("a token that holds no number is nothing to those before it") {
  for (const auto type : {ElementType::kFloat32, ElementType::kBFloat16}) {
    const std::int64_t heads = 2, head_width = 20, width = heads * head_width, rows = 29;
    const AttendedRows attended = prompts({rows}, 0);
    for (const std::int64_t bad : {1, 5, 6, 16, 28}) {
      CAPTURE(bad);
      Inputs inputs = inputs_for(rows, rows, width, type);
      auto wanted = expected(inputs, attended, heads, head_width);
      for (std::int64_t i = bad * width; i < (bad + 1) * width; ++i) {
        inputs.k[i] = inputs.v[i] = std::numeric_limits<float>::quiet_NaN();
      }
      auto found = attended_values(inputs, attended, heads, width, type);
      CHECK(std::isnan(found.back()));
      wanted.resize(bad * width);
      found.resize(bad * width);
      CHECK(max_difference(found, wanted) < tolerance(type));
    }
  }
}

TEST_CASE("images attend within themselves, whatever their number of tokens and the threads") {
  const int threads = omp_get_max_threads();
  for (const Computing& computing : all_computing()) {
    const Backend* const backend = computing.backend;
    const ElementType type = computing.type;
    CAPTURE(backend->name());
    CAPTURE(int(type));
    for (const std::int64_t tokens : {2, 50, 197, 577}) {
      CAPTURE(tokens);
      const std::int64_t images = 2, heads = tokens > 500 ? 1 : 4, head_width = 64;
      const std::int64_t width = heads * head_width;
      AttendedRows attended;
      for (std::int64_t i = 0; i < images * tokens; ++i) {
        for (std::int64_t j = 0; j < tokens; ++j) {
          attended.rows.push_back(std::int32_t(i / tokens * tokens + j));
        }
        attended.begin.push_back(std::int64_t(attended.rows.size()));
      }
      const Inputs inputs = inputs_for(images * tokens, images * tokens, width, type);
      const auto wanted = expected(inputs, attended, heads, head_width);
      for (const int used : {1, 2, 5}) {
        CAPTURE(used);
        omp_set_num_threads(used);
        Arena arena;
        const Rows out = rows_of(std::vector<float>(images * tokens * width), width, type, &arena);
        const auto attention = backend->image_attention(tokens, heads, head_width, type, &arena);
        attention->run(rows_of(inputs.q, width, type, &arena),
                       rows_of(inputs.k, width, type, &arena),
                       rows_of(inputs.v, width, type, &arena), out);
        CHECK(max_difference(values_of(out), wanted) < tolerance(type));
      }
    }
  }
  omp_set_num_threads(threads);
}

TEST_CASE("the two halves of a softmax") {
  for (const std::int64_t count : {1, 3, 16, 17, 50, 577}) {
    CAPTURE(count);
    std::vector<float> row = random_numbers(count, 20, 4);
    row[std::size_t(count) / 2] = 500;  // what would overflow is no exception
    if (count > 3) row[3] = -1000;
    double sum = 0;
    std::vector<float> wanted;
    for (const float value : row) sum += std::exp(double(value) - 500);
    for (const float value : row) wanted.push_back(float(std::exp(double(value) - 500) / sum));
    std::vector<float> scores = row, result(row.size());
    std::vector<std::uint16_t> narrow(row.size());
    const float scale = exponentials(scores.data(), count, nullptr);
    scale_row(scores.data(), count, scale, ElementType::kFloat32, result.data());
    CHECK(max_difference(result, wanted) < 1e-6F);
    // For bfloat16 to a 10,000th, which may be its last bit; and nothing is so small as to be slow.
    CHECK(exponentials(row.data(), count, narrow.data()) == doctest::Approx(scale).epsilon(2e-4));
    std::vector<float> infinite(row.size(), std::numeric_limits<float>::infinity());
    CHECK(std::isnan(exponentials(infinite.data(), count, narrow.data())));
    exponentials(row.data(), count, narrow.data());
    const std::uint16_t min = bfloat16_from_float(std::ldexp(1.0F, -125));
    for (std::size_t i = 0; i < narrow.size(); ++i) {
      CHECK(std::abs(narrow[i] - std::max(bfloat16_from_float(scores[i]), min)) <= 1);
    }
    scale_row(scores.data(), count, scale, ElementType::kBFloat16, narrow.data());
    for (std::size_t i = 0; i < narrow.size(); ++i) {
      CHECK(std::abs(narrow[i] - bfloat16_from_float(wanted[i])) <= 1);
    }
  }
}
