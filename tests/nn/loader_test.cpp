#include "nn/loader.h"

#include <doctest/doctest.h>

#include <limits>

#include "base/half.h"
#include "clip/error.h"
#include "test_weights.h"

using namespace clip;
using namespace clip_test;

TEST_CASE("halves become the floats that they stand for, whichever way they are converted") {
  std::vector<std::uint16_t> halves;
  for (int bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7c00) != 0x7c00 || (bits & 0x3ff) == 0) halves.push_back(std::uint16_t(bits));
  }
  Tensor tensor;
  tensor.type = TensorType::kFloat16;
  tensor.data = reinterpret_cast<const std::byte*>(halves.data());
  std::vector<float> converted(halves.size() - 3);
  convert_to_float(tensor, 3, std::int64_t(converted.size()), converted.data());
  bool equal = true;
  for (std::size_t i = 0; i < converted.size(); ++i) {
    equal = equal && converted[i] == float_from_half(halves[i + 3]);
  }
  CHECK(equal);
}

TEST_CASE("a weight that is missing is named") {
  const TestWeights weights({{"there", {{2}, {1, 2}}}});
  Arena arena;
  Loader loader(weights.weights(), kAllFloat32, &arena);
  CHECK(loader.vector("there") == std::vector<float>{1, 2});
  CHECK(loader.has("there"));
  CHECK_FALSE(loader.has("elsewhere"));
  CHECK_THROWS_WITH_AS(loader.read("elsewhere"), doctest::Contains("lacks the weight elsewhere"),
                       Error);
}

TEST_CASE("weights are read one behind the other, and again") {
  const auto many = random_numbers(100000, 1, 1), more = random_numbers(70000, 1, 2);
  const TestWeights weights({{"many", {{100000}, many}}, {"more", {{70000}, more}}});
  Arena arena;
  Loader loader(weights.weights(), kAllFloat32, &arena);
  CHECK(loader.vector("many") == many);
  CHECK(loader.vector("many") == many);
  const float* both = loader.read_joined({"many", "more"});
  CHECK(std::vector<float>(both, both + 100000) == many);
  CHECK(std::vector<float>(both + 100000, both + 170000) == more);
}

TEST_CASE("views are read in the order of the view") {
  const auto values = random_numbers(6 * 4, 1, 3);
  Tensor stored;
  stored.shape = {6, 4};
  stored.strides = {4, 1};
  stored.data = reinterpret_cast<const std::byte*>(values.data());
  Tensor every_other = stored;  // of the columns
  every_other.shape = {6, 2};
  every_other.strides = {4, 2};
  Weights weights("file");
  weights.add("third", {stored.rows(2, 2), "stored"});
  weights.add("turned", {stored.transposed(), "stored"});
  weights.add("every other", {every_other, "stored"});
  Arena arena;
  const Loader loader(weights, kAllFloat32, &arena);
  CHECK(loader.vector("third") == std::vector<float>(values.begin() + 8, values.begin() + 16));
  const auto turned = loader.vector("turned"), columns = loader.vector("every other");
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 4; ++j) CHECK(turned[j * 6 + i] == values[i * 4 + j]);
    for (std::size_t j = 0; j < 2; ++j) CHECK(columns[i * 2 + j] == values[i * 4 + 2 * j]);
  }
}

TEST_CASE("NaN and infinity are found wherever they stand and however they are read") {
  for (const std::size_t at : {0, 4095, 4096, 65535, 65536, 199999}) {
    CAPTURE(at);
    std::vector<float> values(200000, 1);
    values[at] = std::numeric_limits<float>::quiet_NaN();
    const TestWeights weights({{"damaged", {{400, 500}, values}}});
    Arena arena;
    Loader loader(weights.weights(), kAllFloat32, &arena);
    CHECK_THROWS_WITH_AS(loader.vector("damaged"),
                         doctest::Contains("weight stored damaged holds NaN"), Error);
    Weights turned("file");
    turned.add("turned", {weights.weights().at("damaged").tensor.transposed(), "stored"});
    Loader other(turned, kAllFloat32, &arena);
    CHECK_THROWS_AS(other.read("turned"), Error);
    values[at] = -std::numeric_limits<float>::infinity();
    const TestWeights infinite({{"infinite", {{400, 500}, values}}});
    Loader another(infinite.weights(), kAllFloat32, &arena);
    CHECK_THROWS_WITH_AS(another.vector("infinite"),
                         doctest::Contains("weight stored infinite holds infinity"), Error);
  }
}
