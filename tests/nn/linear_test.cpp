#include "nn/linear.h"

#include <doctest/doctest.h>
#include <omp.h>

#include <cmath>

#include "epilogues.h"
#include "nn/int8_rows.h"
#include "test_weights.h"

using namespace clip;
using namespace clip_test;

TEST_CASE("x W^T + b, and what is fused behind it") {
  const TestWeights none({{"unused", {{1}, {1}}}});
  for (const Computing& computing : all_computing()) {
    const Backend* const backend = computing.backend;
    const ElementType type = computing.type;
    CAPTURE(backend->name());
    CAPTURE(int(type));
    for (const auto epilogue :
         {Epilogue::kNone, Epilogue::kQuickGelu, Epilogue::kGelu, Epilogue::kGeluTanh,
          Epilogue::kRelu, Epilogue::kAdd, Epilogue::kAddRelu}) {
      for (const bool with_bias : {true, false}) {
        const std::int64_t inputs = 96, outputs = 80;
        const auto weight = rounded(random_numbers(outputs * inputs, 0.1F, 1), type);
        const auto bias = with_bias ? random_numbers(outputs, 1, 2) : std::vector<float>();
        Arena arena;
        Loader loader(none.weights(), {type, type}, &arena, *backend);
        const Linear linear(&loader, weight.data(), bias, outputs, inputs, epilogue);
        // One after the other on the same layer, so that a number of rows seen before is used
        // again.
        for (const std::int64_t count : {1, 7, 16, 50, 7, 300}) {
          CAPTURE(int(epilogue));
          CAPTURE(count);
          const auto in = rounded(random_numbers(count * inputs, 1, 3), type);
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
          const Rows out = rows_of(before, outputs, ElementType::kFloat32, &arena);
          linear(rows_of(in, inputs, type, &arena), out);
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
  Loader loader(weights.weights(), kAllFloat32, &arena);
  const Linear linear = Linear::load_projection(&loader, "proj");
  const auto in = random_numbers(3 * 24, 1, 2);
  std::vector<float> wanted(3 * 10);
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 10; ++j) {
      for (int k = 0; k < 24; ++k) wanted[i * 10 + j] += in[i * 24 + k] * matrix[j * 24 + k];
    }
  }
  const Rows out = rows_of(std::vector<float>(30), 10, ElementType::kFloat32, &arena);
  linear(rows_of(in, 24, ElementType::kFloat32, &arena), out);
  CHECK(max_difference(values_of(out), wanted) < 1e-4F);
}

namespace {

// What int8 makes of a product: rows and the rows of the weights rounded to so many steps.
std::vector<double> rounded_product(const std::vector<float>& in, const std::vector<float>& weight,
                                    std::int64_t inputs, bool wide_sums) {
  // In float32, so that what lies between two steps is rounded as the layers do.
  const auto round_row = [&](const float* row, bool of_pairs) {
    float max = 0;
    for (std::int64_t k = 0; k < inputs; ++k) {
      const bool paired = of_pairs && k % 2 == 0 && k + 1 < inputs;
      max = std::max(max, std::abs(row[k]) + (paired ? std::abs(row[k + 1]) : 0.0F));
    }
    std::vector<double> result;
    for (std::int64_t k = 0; k < inputs; ++k) {
      result.push_back(std::nearbyint(row[k] * (127 / max)) * double(max) / 127);
    }
    return result;
  };
  std::vector<std::vector<double>> columns;
  for (std::size_t j = 0; j < weight.size(); j += inputs) {
    columns.push_back(round_row(weight.data() + j, !wide_sums));
  }
  std::vector<double> result;
  for (std::size_t i = 0; i < in.size(); i += inputs) {
    const auto row = round_row(in.data() + i, false);
    for (const auto& column : columns) {
      double sum = 0;
      for (std::int64_t k = 0; k < inputs; ++k) sum += row[k] * column[k];
      result.push_back(sum);
    }
  }
  return result;
}

double mean_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(double(a[i]) - b[i]);
  return sum / double(a.size());
}

// Products of all sizes are those of the rounded rows and weights. `positive`: no weight is
// negative.
void check_int8_products(bool positive) {
  const TestWeights none({{"unused", {{1}, {1}}}});
  const int threads_before = omp_get_max_threads();
  for (const Backend* backend : backends()) {
    if (!backend->computes(Precision::kInt8)) continue;
    for (const std::int64_t inputs : {16, 96, 768}) {
      for (const std::int64_t outputs : {16, 80, 200, 768}) {
        auto weight = random_numbers(outputs * inputs, 0.1F, 1);
        for (float& each : weight) each = positive ? std::abs(each) : each;
        const auto bias = random_numbers(outputs, 1, 2);
        Arena arena;
        Loader loader(none.weights(), {ElementType::kInt8, ElementType::kFloat32}, &arena,
                      *backend);
        const Linear linear(&loader, weight.data(), bias, outputs, inputs, Epilogue::kAdd);
        for (const std::int64_t count : {1, 7, 16, 50, 7, 197}) {
          // Where there are several, few rows are shared out by columns.
          omp_set_num_threads(count == 16 ? 1 : 3);
          CAPTURE(inputs);
          CAPTURE(outputs);
          CAPTURE(count);
          const auto values = random_numbers(count * inputs, 1, 3);
          const Rows in = arena.rows(count, inputs, ElementType::kInt8);
          quantize_rows(rows_of(values, inputs, ElementType::kFloat32, &arena), in);
          const auto before = random_numbers(count * outputs, 1, 4);
          const Rows out = rows_of(before, outputs, ElementType::kFloat32, &arena);
          linear(in, out);
          // Weights have more steps where the processor adds in 32 bits. A number right between two
          // steps may be rounded either way, which moves single results a little.
          double difference = 1;
          for (const bool wide_sums : {true, false}) {
            auto wanted = rounded_product(values, weight, inputs, wide_sums);
            std::vector<float> all;
            for (std::size_t i = 0; i < wanted.size(); ++i) {
              all.push_back(float(wanted[i] + bias[i % outputs] + before[i]));
            }
            if (max_difference(values_of(out), all) > 0.05F) continue;
            difference = std::min(difference, mean_difference(values_of(out), all));
          }
          CHECK(difference < 2e-4);
        }
      }
    }
  }
  omp_set_num_threads(threads_before);
}

}  // namespace

TEST_CASE("in int8 a product is that of the rounded rows and weights, whatever its size") {
  check_int8_products(/*positive=*/false);
}

// By itself, for an emulator whose tiles do not know negative weights (scripts/amx/init).
TEST_CASE("positive weights in int8 make the same products in every layout") {
  check_int8_products(/*positive=*/true);
}

TEST_CASE("sums of int8 do not saturate where all products are as large as can be") {
  const TestWeights none({{"unused", {{1}, {1}}}});
  for (const Backend* backend : backends()) {
    if (!backend->computes(Precision::kInt8)) continue;
    for (const float sign : {1.0F, -1.0F}) {
      const std::int64_t inputs = 768, outputs = 64, count = 40;
      const std::vector<float> weight(outputs * inputs, 0.5F * sign);
      const std::vector<float> values(count * inputs, 2.0F);
      Arena arena;
      Loader loader(none.weights(), {ElementType::kInt8, ElementType::kFloat32}, &arena, *backend);
      const Linear linear(&loader, weight.data(), {}, outputs, inputs, Epilogue::kNone);
      const Rows in = arena.rows(count, inputs, ElementType::kInt8);
      quantize_rows(rows_of(values, inputs, ElementType::kFloat32, &arena), in);
      const Rows out = arena.rows(count, outputs, ElementType::kFloat32);
      linear(in, out);
      const std::vector<float> wanted(count * outputs, sign * float(inputs));
      // A saturated sum would be half of it; 0.5 itself may lie between two steps.
      CHECK(max_difference(values_of(out), wanted) < 0.01F * float(inputs));
    }
  }
}

TEST_CASE("sums of int8 do not saturate where every two neighbours are as large as can be") {
  const TestWeights none({{"unused", {{1}, {1}}}});
  for (const Backend* backend : backends()) {
    if (!backend->computes(Precision::kInt8)) continue;
    for (const std::int64_t inputs : {16, 70, 96, 768, 3072}) {
      const std::int64_t outputs = 80, count = 33;
      auto weight = random_numbers(outputs * inputs, 1, 7);
      for (std::size_t i = 0; i < weight.size(); i += 2) {
        const float sign = i / inputs % 2 == 0 ? 1 : -1;
        const float magnitude = std::abs(weight[i]);
        weight[i] = sign * (magnitude - std::floor(magnitude));
        weight[i + 1] = sign - weight[i];
      }
      const std::vector<float> values(count * inputs, 2.0F);
      Arena arena;
      Loader loader(none.weights(), {ElementType::kInt8, ElementType::kFloat32}, &arena, *backend);
      const Linear linear(&loader, weight.data(), {}, outputs, inputs, Epilogue::kNone);
      const Rows in = arena.rows(count, inputs, ElementType::kInt8);
      quantize_rows(rows_of(values, inputs, ElementType::kFloat32, &arena), in);
      const Rows out = arena.rows(count, outputs, ElementType::kFloat32);
      linear(in, out);
      double difference = 1e9;
      for (const bool wide_sums : {true, false}) {
        const auto exact = rounded_product(values, weight, inputs, wide_sums);
        const std::vector<float> wanted(exact.begin(), exact.end());
        difference = std::min(difference, mean_difference(values_of(out), wanted));
      }
      CAPTURE(inputs);
      CHECK(difference < 1e-3);  // saturated pairs make 0.01 each, and there would be many
    }
  }
}
