#include "nn/convolution.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nn/linear.h"
#include "test_weights.h"

using namespace clip;
using namespace clip_test;

namespace {

// Rows without gaps.
Rows dense(const std::vector<float>& values, std::int64_t width, ElementType type, Arena* arena) {
  const auto count = std::int64_t(values.size());
  const Rows all = arena->rows(1, count, type);
  for (std::int64_t i = 0; i < count; ++i) {
    if (type == ElementType::kFloat32) {
      all.f32()[i] = values[std::size_t(i)];
    } else {
      all.bf16()[i] = bfloat16_from_float(values[std::size_t(i)]);
    }
  }
  return {all.data, type, count / width, width, width, nullptr};
}

void check(const Backend& backend, ElementType type, std::int64_t stride, std::int64_t inputs,
           std::int64_t outputs) {
  const std::int64_t side = 6, after = side / stride;
  const auto weight = random_numbers(outputs * inputs * 9, 0.2F, 1);
  const auto gain = random_numbers(outputs, 0.5F, 2), shift = random_numbers(outputs, 1, 3);
  const auto mean = random_numbers(outputs, 1, 4);
  auto variance = random_numbers(outputs, 1, 5);
  for (float& value : variance) value = std::abs(value) + 0.1F;
  const TestWeights weights({{"conv.weight", {{outputs, inputs, 3, 3}, weight}},
                             {"bn.weight", {{outputs}, gain}},
                             {"bn.bias", {{outputs}, shift}},
                             {"bn.mean", {{outputs}, mean}},
                             {"bn.variance", {{outputs}, variance}}});
  Arena arena;
  Loader loader(weights.weights(), {type, type}, &arena, backend);
  const Convolution convolution(&loader, "conv", "bn", side, stride);
  for (const std::int64_t images : {1, 3}) {
    CAPTURE(stride);
    CAPTURE(inputs);
    CAPTURE(outputs);
    CAPTURE(images);
    const auto in = rounded(random_numbers(images * side * side * inputs, 1, 6), type);
    std::vector<float> wanted;
    for (std::int64_t at = 0; at < images * after * after; ++at) {
      const std::int64_t image = at / (after * after);
      const std::int64_t y = at / after % after * stride - 1, x = at % after * stride - 1;
      for (std::int64_t o = 0; o < outputs; ++o) {
        double sum = 0;
        for (std::int64_t tap = 0; tap < 9; ++tap) {
          const std::int64_t from_y = y + tap / 3, from_x = x + tap % 3;
          if (from_y < 0 || from_x < 0 || from_y >= side || from_x >= side) continue;
          const std::int64_t pixel = (image * side + from_y) * side + from_x;
          for (std::int64_t c = 0; c < inputs; ++c) {
            sum += double(in[pixel * inputs + c]) * weight[(o * inputs + c) * 9 + tap];
          }
        }
        sum = (sum - mean[o]) / std::sqrt(double(variance[o]) + 1e-5) * gain[o] + shift[o];
        wanted.push_back(float(std::max(sum, 0.0)));
      }
    }
    const Rows pixels = dense(in, inputs, type, &arena);
    const Rows out = arena.rows(images * after * after, outputs, type);
    convolution(pixels, images, out);
    // Rounded weights and results: errors grow with the sum and with the result.
    float max = 0;
    for (const float value : wanted) max = std::max(max, value);
    const float tolerance = type == ElementType::kFloat32 ? 1e-4F : 0.01F * max;
    CHECK(max_difference(values_of(out), wanted) < tolerance);
  }
}

}  // namespace

TEST_CASE("a convolution, its batch norm, and ReLU, at both strides and any number of images") {
  for (const Computing& computing : all_computing()) {
    const Backend* const backend = computing.backend;
    const ElementType type = computing.type;
    CAPTURE(backend->name());
    CAPTURE(int(type));
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t inputs : {4, 8, 32, 40, 64}) {
        for (const std::int64_t outputs : {8, 16, 40, 64, 80}) {
          check(*backend, type, stride, inputs, outputs);
        }
      }
    }
  }
}
