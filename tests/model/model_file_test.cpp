#include "model/model_file.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "clip_archive.h"
#include "error.h"
#include "model/catalog.h"
#include "model/float16.h"

using clip::Error;
using clip::ModelFile;
using clip::VisionKind;
using clip_test::module_records;
using clip_test::small_config;
using clip_test::small_weights;
using clip_test::Tensors;

namespace {

std::string save(const clip_test::Records& records) {
  return clip_test::write_file("model_file_test.pt", clip_test::zip(records));
}

// The error that a model with these weights and this clip.json gives; empty when it opens.
std::string error_of(const Tensors& tensors, const std::string& json = "") {
  auto records = module_records(tensors);
  if (!json.empty()) records.emplace_back("root/extra/clip.json", json);
  try {
    const ModelFile model(save(records));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

// As above, for the small ViT after a change.
std::string error_after(const std::function<void(Tensors*)>& change) {
  Tensors tensors = small_weights(small_config(VisionKind::kTransformer));
  change(&tensors);
  return error_of(tensors);
}

bool contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE(text);
  return false;
}

}  // namespace

TEST_CASE("dimensions come from the weights: ViT") {
  const auto expected = small_config(VisionKind::kTransformer);
  const ModelFile model(save(module_records(small_weights(expected))));
  const clip::ModelConfig& config = model.config();
  CHECK(config.recognised);
  CHECK(config.vision.kind == VisionKind::kTransformer);
  CHECK(config.vision.image_size == 8);
  CHECK(config.vision.patch_size == 4);
  CHECK(config.vision.width == 64);
  CHECK(config.vision.heads == 1);
  CHECK(config.vision.layers == 1);
  CHECK(config.embedding_dim == 8);
  CHECK(config.text.context_length == 5);
  CHECK(config.text.vocab_size == 10);
  CHECK(config.text.layers == 1);
  CHECK(config.logit_scale == doctest::Approx(100.0).epsilon(1e-4));
  CHECK(config.assumed.empty());
  CHECK(clip::find_by_shape(config) == nullptr);
}

TEST_CASE("dimensions come from the weights: ModifiedResNet") {
  const auto expected = small_config(VisionKind::kResNet);
  const ModelFile model(save(module_records(small_weights(expected))));
  const clip::ModelConfig& config = model.config();
  CHECK(config.recognised);
  CHECK(config.vision.kind == VisionKind::kResNet);
  CHECK(config.vision.image_size == 32);
  CHECK(config.vision.width == 16);
  CHECK(config.vision.heads == 8);
  CHECK(config.vision.stages == std::array<std::int64_t, 4>{1, 1, 1, 1});
}

TEST_CASE("a missing weight is named with its shape, whichever it is") {
  for (const auto kind : {VisionKind::kTransformer, VisionKind::kResNet}) {
    const Tensors whole = small_weights(small_config(kind));
    for (const auto& [name, tensor] : whole) {
      if (name == "logit_scale") continue;
      Tensors tensors = whole;
      tensors.erase(name);
      CAPTURE(name);
      const std::string error = error_of(tensors);
      CHECK(contains(error, "lacks the weight"));
      // Where the shape of everything else hangs on it, its neighbour may be named instead.
      if (tensor.shape.size() == 1) CHECK(contains(error, name + ", expected with shape ["));
    }
  }
}

TEST_CASE("a weight of the wrong shape is named with both shapes") {
  const std::string error = error_after([](Tensors* tensors) {
    auto& tensor = (*tensors)["visual.transformer.resblocks.0.mlp.c_fc.weight"];
    tensor.shape = {255, 64};
    tensor.values.resize(255 * 64);
  });
  CHECK(contains(error, "visual.transformer.resblocks.0.mlp.c_fc.weight"));
  CHECK(contains(error, "[255, 64], expected [256, 64]"));

  CHECK(contains(error_after([](Tensors* tensors) {
                   (*tensors)["visual.positional_embedding"].shape = {4, 80};
                 }),
                 "expected a square number and one"));
}

TEST_CASE("NaN in a weight is an error that names it; infinity is a number") {
  CHECK(contains(error_after([](Tensors* tensors) {
                   (*tensors)["transformer.resblocks.0.ln_2.bias"].values[63] = NAN;
                 }),
                 "transformer.resblocks.0.ln_2.bias holds NaN"));
  CHECK(error_after([](Tensors* tensors) {
          (*tensors)["visual.proj"].values[5] = INFINITY;
          (*tensors)["visual.proj"].values[6] = -INFINITY;
        }) == "");
}

TEST_CASE("a logit scale that is no scale is an error") {
  CHECK(contains(error_after([](Tensors* tensors) { (*tensors)["logit_scale"].values[0] = 1000; }),
                 "logit_scale"));
}

TEST_CASE("clip.json adds what weights cannot say, and must agree with them") {
  const Tensors tensors = small_weights(small_config(VisionKind::kTransformer));
  auto records = module_records(tensors);
  records.emplace_back("root/extra/clip.json",
                       R"({"format": 1, "name": "small", "activation": "gelu", "image_size": 8,
                           "mean": [0.5, 0.5, 0.5], "resize": "squash-bicubic",
                           "vision_heads": 4})");
  const ModelFile model(save(records));
  CHECK(model.config().name == "small");
  CHECK(model.config().activation == clip::Activation::kGelu);
  CHECK(model.config().resize == clip::ResizeMode::kSquash);
  CHECK(model.config().mean[2] == 0.5F);
  CHECK(model.config().vision.heads == 4);

  CHECK(contains(error_of(tensors, R"({"image_size": 16})"), "clip.json says"));
  CHECK(contains(error_of(tensors, R"({"context_length": 6})"), "clip.json says"));
  CHECK(contains(error_of(tensors, R"({"vision_heads": 7})"), "7 heads"));
}

TEST_CASE("a clip.json that is not valid is an error that says where") {
  const Tensors tensors = small_weights(small_config(VisionKind::kTransformer));
  for (const char* json :
       {"{", "[]", "null", R"({"format": 2})", R"({"format": "1"})", R"({"image_size": -1})",
        R"({"image_size": 1e30})", R"({"mean": [1, 2]})", R"({"std": [0, 1, 1]})",
        R"({"activation": "relu"})", R"({"name": 5})", R"({"resize": null})"}) {
    CAPTURE(json);
    CHECK(contains(error_of(tensors, json), "clip.json"));
  }
}

TEST_CASE("other modules are taken with what they state, and what is assumed is said") {
  const Tensors other = {{"backbone.weight", {{4, 4}, std::vector<float>(16, 1)}}};
  const ModelFile unknown(save(module_records(other)));
  CHECK_FALSE(unknown.config().recognised);
  CHECK(unknown.config().vision.image_size == 224);
  CHECK(unknown.config().assumed.size() == 3);

  Tensors extended = small_weights(small_config(VisionKind::kTransformer));
  extended["visual.transformer.resblocks.0.ls_1.gamma"] = {{64}, std::vector<float>(64, 1)};
  const ModelFile scaled(save(module_records(extended)));
  CHECK_FALSE(scaled.config().recognised);
  CHECK(contains(scaled.config().unrecognised, "ls_1.gamma"));
  CHECK(scaled.config().vision.image_size == 8);
}

TEST_CASE("float16 and bfloat16 convert exactly") {
  CHECK(clip::float_from_half(0x3c00) == 1.0F);
  CHECK(clip::float_from_half(0xc000) == -2.0F);
  CHECK(clip::float_from_half(0x7bff) == 65504.0F);
  CHECK(clip::float_from_half(0x0001) == std::ldexp(1.0F, -24));
  CHECK(clip::float_from_half(0x0400) == std::ldexp(1.0F, -14));
  CHECK(std::isinf(clip::float_from_half(0xfc00)));
  CHECK(std::isnan(clip::float_from_half(0x7e00)));
  CHECK(clip::float_from_bfloat16(0x3f80) == 1.0F);
}
