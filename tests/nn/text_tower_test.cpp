// The tree of prefixes must give what computing every prompt by itself, in full, gives.

#include "nn/towers/text_tower.h"

#include <doctest/doctest.h>

#include "clip/error.h"
#include "test_weights.h"

using namespace clip;
using namespace clip_test;

namespace {

using Prompts = std::vector<std::vector<std::int32_t>>;

struct Fixture {
  Fixture() : config(small_config(VisionKind::kTransformer)) {
    config.text.context_length = 12;
    config.text.vocab_size = 100;
    config.text.layers = 3;
    config.text.mlp_width = 40;
    config.text.heads = 2;
    Tensors tensors = small_canonical_weights(config);
    unsigned seed = 0;
    for (auto& [name, tensor] : tensors) {
      const auto count = std::int64_t(tensor.values.size());
      tensor.values = random_numbers(count, tensor.shape.size() > 1 ? 0.12F : 0.5F, ++seed);
    }
    weights = std::make_unique<TestWeights>(tensors);
    Loader loader(weights->weights(), kAllFloat32, &arena);
    tower = std::make_unique<TextTower>(&loader, config);
  }

  std::vector<float> encode(const Prompts& prompts) {
    std::vector<float> embeddings(prompts.size() * std::size_t(config.embedding_dim));
    tower->encode(prompts, embeddings.data());
    return embeddings;
  }

  // One prompt at a time.
  std::vector<float> encode_alone(const Prompts& prompts) {
    std::vector<float> all;
    for (const auto& prompt : prompts) {
      const auto one = encode({prompt});
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

  ModelConfig config;
  std::unique_ptr<TestWeights> weights;
  Arena arena;
  std::unique_ptr<TextTower> tower;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "shared beginnings change nothing") {
  const Prompts prompts = {{90, 1, 2, 3, 99},       {90, 1, 2, 4, 99},    {90, 99},
                           {90, 1, 2, 3, 99},       {90, 1, 2, 3, 5, 99}, {91, 1, 2, 3, 99},
                           {90, 1, 2, 3, 5, 6, 99}, {90, 2, 1, 3, 99},    {90, 1, 99}};
  const auto together = encode(prompts);
  CHECK(max_difference(together, encode_alone(prompts)) < 2e-5F);
  // The embeddings differ, or the comparison would say nothing.
  const std::vector<float> first(together.begin(), together.begin() + 8);
  const std::vector<float> second(together.begin() + 8, together.begin() + 16);
  CHECK(max_difference(first, second) > 0.01F);
}

TEST_CASE_FIXTURE(Fixture, "what stands behind the end of the text is not seen") {
  const Prompts plain = {{90, 1, 2, 3, 99}, {90, 4, 99}};
  const Prompts padded = {{90, 1, 2, 3, 99, 0, 0, 0}, {90, 4, 99, 7, 8, 99}};
  CHECK(max_difference(encode(plain), encode(padded)) < 2e-5F);
}

TEST_CASE_FIXTURE(Fixture, "more prompts than fit at once, in any order") {
  Prompts prompts;
  std::mt19937 random(1);
  for (int i = 0; i < 1500; ++i) {
    std::vector<std::int32_t> ids = {90};
    for (unsigned length = random() % 10; length > 0; --length) {
      ids.push_back(std::int32_t(random() % 80));
    }
    ids.push_back(99);
    prompts.push_back(ids);
  }
  const auto forwards = encode(prompts);
  Prompts reversed(prompts.rbegin(), prompts.rend());
  const auto backwards = encode(reversed);
  std::vector<float> turned;
  for (std::size_t i = prompts.size(); i-- > 0;) {
    turned.insert(turned.end(), backwards.begin() + std::ptrdiff_t(8 * i),
                  backwards.begin() + std::ptrdiff_t(8 * i + 8));
  }
  CHECK(max_difference(forwards, turned) < 2e-5F);
  const Prompts some(prompts.begin() + 700, prompts.begin() + 720);
  const std::vector<float> same(forwards.begin() + 8 * 700, forwards.begin() + 8 * 720);
  CHECK(max_difference(encode_alone(some), same) < 2e-5F);
}

TEST_CASE_FIXTURE(Fixture, "ids that cannot be are errors") {
  CHECK_THROWS_AS(encode({{90, 100}}), Error);
  CHECK_THROWS_AS(encode({{-1, 99}}), Error);
  CHECK_THROWS_AS(encode({{}}), Error);
  CHECK_THROWS_AS(encode({std::vector<std::int32_t>(13, 1)}), Error);
  CHECK(encode({}).empty());
}
