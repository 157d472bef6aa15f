#include "nn/convolution.h"

#include <doctest/doctest.h>

#include <cmath>

#include "test_weights.h"

using namespace clip;
using namespace clip_test;

TEST_CASE("a convolution, its batch norm, and ReLU, at both strides and any number of pictures") {
  for (const std::int64_t stride : {1, 2}) {
    for (const std::int64_t inputs : {3, 32}) {
      const std::int64_t outputs = 16, side = 6, after = side / stride;
      const auto weight = random_numbers(outputs * inputs * 9, 0.2F, 1);
      const auto gain = random_numbers(outputs, 1, 2), shift = random_numbers(outputs, 1, 3);
      const auto mean = random_numbers(outputs, 1, 4);
      auto variance = random_numbers(outputs, 1, 5);
      for (float& value : variance) value = std::abs(value) + 0.1F;
      const TestWeights weights({{"conv.weight", {{outputs, inputs, 3, 3}, weight}},
                                 {"bn.weight", {{outputs}, gain}},
                                 {"bn.bias", {{outputs}, shift}},
                                 {"bn.running_mean", {{outputs}, mean}},
                                 {"bn.running_var", {{outputs}, variance}}});
      Arena arena;
      Loader loader(weights.weights(), Precision::kFloat32, &arena);
      const Convolution convolution(&loader, FoldedConvolution(&loader, "conv", "bn"), side,
                                    stride);
      for (const std::int64_t images : {1, 3}) {
        CAPTURE(stride);
        CAPTURE(images);
        const auto in = random_numbers(images * side * side * inputs, 1, 6);
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
        const Rows pixels = arena.rows(images * side * side, inputs, Precision::kFloat32);
        std::copy(in.begin(), in.end(), pixels.f32());
        const Rows out = arena.rows(images * after * after, outputs, Precision::kFloat32);
        convolution(pixels, images, out);
        CHECK(largest_difference(values_of(out), wanted) < 1e-4F);
      }
    }
  }
}
