#include "nn/loader.h"

#include <doctest/doctest.h>

#include "error.h"
#include "model/float16.h"
#include "test_weights.h"

using namespace clip;
using namespace clip_test;

TEST_CASE("halves become the floats that they stand for, whichever way they are converted") {
  std::vector<std::uint16_t> halves;
  for (int bits = 0; bits < 0x10000; ++bits) {
    if ((bits & 0x7c00) != 0x7c00 || (bits & 0x3ff) == 0) halves.push_back(std::uint16_t(bits));
  }
  Weight weight;
  weight.type = WeightType::kFloat16;
  weight.data = reinterpret_cast<const std::byte*>(halves.data());
  std::vector<float> converted(halves.size() - 3);
  convert_to_float(weight, 3, std::int64_t(converted.size()), converted.data());
  bool equal = true;
  for (std::size_t i = 0; i < converted.size(); ++i) {
    equal = equal && converted[i] == float_from_half(halves[i + 3]);
  }
  CHECK(equal);
}

TEST_CASE("a weight that is missing is named") {
  const TestWeights weights({{"there", {{2}, {1, 2}}}});
  Arena arena;
  Loader loader(weights.weights(), Precision::kFloat32, &arena);
  CHECK(loader.vector("there") == std::vector<float>{1, 2});
  CHECK(loader.has("there"));
  CHECK_FALSE(loader.has("elsewhere"));
  CHECK_THROWS_WITH_AS(loader.read("elsewhere"), doctest::Contains("lacks the weight elsewhere"),
                       Error);
}

TEST_CASE("weights are read again after their pages were given back") {
  const auto many = random_numbers(100000, 1, 1);
  const TestWeights weights({{"many", {{100000}, many}}});
  Arena arena;
  Loader loader(weights.weights(), Precision::kFloat32, &arena);
  CHECK(loader.vector("many") == many);
  CHECK(loader.vector("many") == many);
}
