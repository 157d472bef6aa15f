#include "nn/layer_norm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "test_weights.h"

using namespace clip;
using namespace clip_test;

TEST_CASE("layer norm is the formula of the paper") {
  for (const std::int64_t width : {4, 16, 20, 64, 768}) {
    CAPTURE(width);
    const std::int64_t count = 40;
    const auto weight = random_numbers(width, 1, 1), bias = random_numbers(width, 1, 2);
    auto values = random_numbers(count * width, 3, 3);
    for (std::int64_t i = 0; i < width; ++i) values[std::size_t(i)] += 1000;  // a large mean
    std::vector<float> wanted;
    for (std::int64_t i = 0; i < count; ++i) {
      const float* row = values.data() + i * width;
      double mean = 0, variance = 0;
      for (std::int64_t j = 0; j < width; ++j) mean += row[j] / double(width);
      for (std::int64_t j = 0; j < width; ++j) {
        variance += (row[j] - mean) * (row[j] - mean) / double(width);
      }
      for (std::int64_t j = 0; j < width; ++j) {
        wanted.push_back(float((row[j] - mean) / std::sqrt(variance + 1e-5) * weight[j] + bias[j]));
      }
    }
    const TestWeights weights({{"ln.weight", {{width}, weight}}, {"ln.bias", {{width}, bias}}});
    Arena arena;
    for (const auto type : {ElementType::kFloat32, ElementType::kBFloat16}) {
      Loader loader(weights.weights(), {type, type}, &arena);
      const LayerNorm norm(&loader, "ln", 1e-5F);
      const Rows in = rows_of(values, width, ElementType::kFloat32, &arena);
      const Rows out = rows_of(values, width, type, &arena);
      norm(in, out);
      const float tolerance = type == ElementType::kFloat32 ? 2e-4F : 0.04F;
      CHECK(max_difference(values_of(out), wanted) < tolerance);
    }
    // In place.
    Loader loader(weights.weights(), kAllFloat32, &arena);
    const Rows both = rows_of(values, width, ElementType::kFloat32, &arena);
    LayerNorm(&loader, "ln", 1e-5F)(both, both);
    CHECK(max_difference(values_of(both), wanted) < 2e-4F);
  }
}
