#include "nn/linear.h"

#include <doctest/doctest.h>

#include <cmath>

#include "test_weights.h"

using namespace clip;
using namespace clip_test;

namespace {

double apply(Epilogue epilogue, double value, double before) {
  switch (epilogue) {
    case Epilogue::kNone:
      return value;
    case Epilogue::kQuickGelu:
      return value / (1 + std::exp(-1.702 * value));
    case Epilogue::kGelu:
      return value * 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
    case Epilogue::kGeluTanh:
      return value * 0.5 *
             (1 + std::tanh(std::sqrt(2 / M_PI) * (value + 0.044715 * value * value * value)));
    case Epilogue::kRelu:
      return std::max(value, 0.0);
    case Epilogue::kAdd:
      return value + before;
    case Epilogue::kAddRelu:
      return std::max(value + before, 0.0);
  }
  return 0;
}

std::vector<Precision> precisions() {
  std::vector<Precision> all = {Precision::kFloat32};
  if (has_fast_bfloat16()) all.push_back(Precision::kBFloat16);
  return all;
}

}  // namespace

TEST_CASE("x W^T + b, and what is fused behind it") {
  const TestWeights none({{"unused", {{1}, {1}}}});
  for (const auto precision : precisions()) {
    for (const auto epilogue :
         {Epilogue::kNone, Epilogue::kQuickGelu, Epilogue::kGelu, Epilogue::kGeluTanh,
          Epilogue::kRelu, Epilogue::kAdd, Epilogue::kAddRelu}) {
      for (const bool with_bias : {true, false}) {
        const std::int64_t inputs = 96, outputs = 80;
        const auto weight = rounded(random_numbers(outputs * inputs, 0.1F, 1), precision);
        const auto bias = with_bias ? random_numbers(outputs, 1, 2) : std::vector<float>();
        Arena arena;
        Loader loader(none.weights(), precision, &arena);
        const Linear linear(&loader, weight.data(), bias, outputs, inputs, epilogue);
        // One after the other on the same layer, so that a number of rows seen before is used
        // again.
        for (const std::int64_t count : {1, 7, 16, 50, 7, 300}) {
          CAPTURE(int(epilogue));
          CAPTURE(count);
          const auto in = rounded(random_numbers(count * inputs, 1, 3), precision);
          const auto before = random_numbers(count * outputs, 1, 4);
          std::vector<float> wanted;
          for (std::int64_t i = 0; i < count; ++i) {
            for (std::int64_t j = 0; j < outputs; ++j) {
              double sum = with_bias ? bias[j] : 0;
              for (std::int64_t k = 0; k < inputs; ++k) {
                sum += double(in[i * inputs + k]) * weight[j * inputs + k];
              }
              wanted.push_back(float(apply(epilogue, sum, before[i * outputs + j])));
            }
          }
          const Rows out = rows_of(before, outputs, Precision::kFloat32, &arena);
          linear(rows_of(in, inputs, precision, &arena), out);
          CHECK(max_difference(values_of(out), wanted) < 1e-4F);
        }
      }
    }
  }
}

TEST_CASE("a projection is x W^T without bias, in float32 whatever the rest is in") {
  const auto matrix = random_numbers(10 * 24, 1, 1);
  const TestWeights weights({{"proj.weight", {{10, 24}, matrix}}});
  Arena arena;
  Loader loader(weights.weights(), Precision::kFloat32, &arena);
  const Linear linear = Linear::load_projection(&loader, "proj");
  const auto in = random_numbers(3 * 24, 1, 2);
  std::vector<float> wanted(3 * 10);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 10; ++j) {
      for (int k = 0; k < 24; ++k) wanted[i * 10 + j] += in[i * 24 + k] * matrix[j * 24 + k];
    }
  }
  const Rows out = rows_of(std::vector<float>(30), 10, Precision::kFloat32, &arena);
  linear(rows_of(in, 24, Precision::kFloat32, &arena), out);
  CHECK(max_difference(values_of(out), wanted) < 1e-4F);
}
