#include "nn/int8_rows.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "epilogues.h"
#include "nn/layer_norm.h"
#include "test_weights.h"

using namespace clip;
using namespace clip_test;

namespace {

float max_magnitude(const float* row, std::int64_t width) {
  float max = 0;
  for (std::int64_t i = 0; i < width; ++i) max = std::max(max, std::abs(row[i]));
  return max;
}

}  // namespace

TEST_CASE("rows are rounded to the nearest of 127 steps of their own largest magnitude") {
  Arena arena;
  for (const auto type : {ElementType::kFloat32, ElementType::kBFloat16}) {
    for (const std::int64_t width : {1, 15, 16, 17, 80, 768}) {
      CAPTURE(width);
      const std::int64_t count = 40;
      auto values = random_numbers(count * width, 1, 1);
      for (std::int64_t i = 0; i < count; ++i) {  // rows of very different magnitudes
        for (std::int64_t j = 0; j < width; ++j) {
          values[i * width + j] *= std::pow(10.0F, float(i % 20) - 10);
        }
      }
      values = rounded(values, type);
      const Rows out = arena.rows(count, width, ElementType::kInt8);
      quantize_rows(rows_of(values, width, type, &arena), out);
      const auto back = values_of(out);
      for (std::int64_t i = 0; i < count; ++i) {
        const float max = max_magnitude(values.data() + i * width, width);
        CHECK(out.scales[i] == doctest::Approx(max / 127));
        CHECK(max_magnitude(back.data() + i * width, width) == doctest::Approx(max));
        for (std::int64_t j = 0; j < width; ++j) {
          // Half a step, and what the multiplication itself rounds.
          REQUIRE(std::abs(back[i * width + j] - values[i * width + j]) <= 0.5001F * out.scales[i]);
        }
      }
    }
  }
}

TEST_CASE("rows of zeros, and rows that hold no numbers") {
  Arena arena;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values(5 * 20, 0.0F);
  values[20 + 3] = nan;
  values[40 + 19] = -nan;
  values[60 + 7] = infinity;
  values[80 + 1] = 1e-40F;  // a denormal number: next to nothing
  const Rows out = arena.rows(5, 20, ElementType::kInt8);
  quantize_rows(rows_of(values, 20, ElementType::kFloat32, &arena), out);
  const auto back = values_of(out);
  for (int j = 0; j < 20; ++j) {
    CHECK(back[j] == 0);
    CHECK(std::isnan(back[20 + j]));
    CHECK(std::isnan(back[40 + j]));
    CHECK(!std::isfinite(out.scales[3]));
    CHECK(std::abs(back[80 + j]) <= 1e-38F);
  }
}

TEST_CASE("sums are finished: scales, offsets, bias, and what is fused") {
  Arena arena;
  for (const std::int64_t width : {5, 16, 80, 100}) {
    const std::int64_t padded = (width + 15) / 16 * 16;
    std::vector<std::int32_t> sums(padded), offsets(padded);
    std::vector<float> scales(padded), bias(padded), scratch(padded);
    const auto numbers = random_numbers(4 * padded, 1, 1);
    for (std::int64_t i = 0; i < padded; ++i) {
      sums[i] = std::int32_t(numbers[i] * 1e6F);
      offsets[i] = std::int32_t(numbers[padded + i] * 1e6F);
      scales[i] = std::abs(numbers[2 * padded + i]) * 1e-4F;
      bias[i] = numbers[3 * padded + i];
    }
    const float row_scale = 0.02F;
    const auto before = random_numbers(width, 1, 2);
    for (const auto epilogue :
         {Epilogue::kNone, Epilogue::kQuickGelu, Epilogue::kGelu, Epilogue::kGeluTanh,
          Epilogue::kRelu, Epilogue::kAdd, Epilogue::kAddRelu}) {
      for (const auto type : {ElementType::kFloat32, ElementType::kBFloat16, ElementType::kInt8}) {
        const bool adds = epilogue == Epilogue::kAdd || epilogue == Epilogue::kAddRelu;
        if (adds && type == ElementType::kInt8) continue;  // no residual stream is in int8
        CAPTURE(width);
        CAPTURE(int(epilogue));
        CAPTURE(int(type));
        const auto held = rounded(before, type == ElementType::kBFloat16 ? ElementType::kBFloat16
                                                                         : ElementType::kFloat32);
        std::vector<float> wanted;
        float max = 0;
        for (std::int64_t i = 0; i < width; ++i) {
          const double product =
              double(row_scale) * scales[i] * (double(sums[i]) - offsets[i]) + bias[i];
          wanted.push_back(float(apply(epilogue, product, held[i])));
          max = std::max(max, std::abs(wanted.back()));
        }
        Rows out;
        if (type == ElementType::kInt8) {
          out = arena.rows(1, width, type);
        } else {
          out = rows_of(before, width, type, &arena);
        }
        // Nothing is written behind the row.
        std::byte* behind = static_cast<std::byte*>(out.data) + width * size_of(type);
        *behind = std::byte{77};
        finish_row(sums.data(), width, row_scale, {scales.data(), offsets.data(), bias.data()},
                   epilogue, out, scratch.data());
        CHECK(*behind == std::byte{77});
        const float tolerance = type == ElementType::kFloat32    ? 2e-6F * max
                                : type == ElementType::kBFloat16 ? 0.004F * max
                                                                 : max / 127 * 0.501F;
        CHECK(max_difference(values_of(out), wanted) < tolerance);
      }
    }
  }
}

TEST_CASE("a norm in int8 leaves out its scale and shift, and folds them into the product behind") {
  const std::int64_t width = 96, outputs = 20, count = 30;
  auto gain = random_numbers(width, 1, 1);
  gain[7] = 60;  // the outlier channel that trained models have
  const auto shift = random_numbers(width, 1, 2);
  const TestWeights weights({{"ln.weight", {{width}, gain}}, {"ln.bias", {{width}, shift}}});
  Arena arena;
  Loader loader(weights.weights(), kAllFloat32, &arena);
  const LayerNorm norm(&loader, "ln", 1e-5F);
  const auto values = random_numbers(count * width, 3, 3);
  const Rows in = rows_of(values, width, ElementType::kFloat32, &arena);

  const Rows normed = rows_of(values, width, ElementType::kFloat32, &arena);
  norm(in, normed);
  const Rows narrow = arena.rows(count, width, ElementType::kInt8);
  norm.normalize_to_int8(in, narrow);
  const auto exact = values_of(normed), bare = values_of(narrow);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < width; ++j) {
      const float wanted = (exact[i * width + j] - shift[j]) / gain[j];
      REQUIRE(std::abs(bare[i * width + j] - wanted) < 0.51F * narrow.scales[i] + 1e-4F);
    }
  }

  const auto weight = random_numbers(outputs * width, 1, 4), bias = random_numbers(outputs, 1, 5);
  auto folded = weight;
  auto folded_bias = bias;
  norm.fold_into(folded.data(), &folded_bias);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      double wanted = bias[o], ours = folded_bias[o];
      for (std::int64_t j = 0; j < width; ++j) {
        wanted += double(weight[o * width + j]) * exact[i * width + j];
        ours += double(folded[o * width + j]) * (exact[i * width + j] - shift[j]) / gain[j];
      }
      REQUIRE(std::abs(ours - wanted) < 1e-2);
    }
  }
}
