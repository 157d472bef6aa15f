#include "clip/model.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "checkpoint/checkpoint.h"
#include "clip/error.h"
#include "clip_archive.h"
#include "model/canonical.h"
#include "model/weights.h"
#include "support.h"

using clip::Model;
using clip::VisionKind;
using clip_test::contains;
using clip_test::module_records;
using clip_test::small_config;
using clip_test::small_weights;
using clip_test::Tensors;

namespace {

std::string save(const clip_test::Records& records) {
  return clip_test::write_file("model_file_test.pt", clip_test::zip(records));
}

// The error that a model with these weights and this clip.json gives; empty when it opens.
std::string open_error(const Tensors& tensors, const std::string& json = "") {
  auto records = module_records(tensors);
  if (!json.empty()) records.emplace_back("root/extra/clip.json", json);
  return clip_test::error_of([&] { Model::open(save(records)); });
}

// As above, for the small ViT after a change.
std::string error_after(const std::function<void(Tensors*)>& change) {
  Tensors tensors = small_weights(small_config(VisionKind::kTransformer));
  change(&tensors);
  return open_error(tensors);
}

}  // namespace

TEST_CASE("dimensions come from the weights: ViT") {
  const auto expected = small_config(VisionKind::kTransformer);
  const auto model = Model::open(save(module_records(small_weights(expected))));
  const clip::ModelConfig& config = model->config();
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
}

TEST_CASE("dimensions come from the weights: ModifiedResNet") {
  const auto expected = small_config(VisionKind::kResNet);
  const auto model = Model::open(save(module_records(small_weights(expected))));
  const clip::ModelConfig& config = model->config();
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
    for (const auto& [key, tensor] : whole) {
      const std::string name = key;
      if (name == "logit_scale") continue;
      Tensors tensors = whole;
      tensors.erase(name);
      CAPTURE(name);
      const std::string error = open_error(tensors);
      CHECK(contains(error, "lacks the weight"));
      // Where the shape of everything else hangs on it, its neighbour may be named instead.
      if (tensor.shape.size() == 1) CHECK(contains(error, name + ", expected with shape ["));
    }
  }
}

TEST_CASE("a weight of the wrong shape is named with both shapes") {
  const std::string error = error_after([](Tensors* tensors) {
    auto& tensor = (*tensors)["visual.transformer.resblocks.0.mlp.c_proj.weight"];
    tensor.shape = {64, 255};
    tensor.values.resize(64 * 255);
  });
  CHECK(contains(error, "visual.transformer.resblocks.0.mlp.c_proj.weight"));
  CHECK(contains(error, "[64, 255], expected [64, 256]"));

  CHECK(contains(error_after([](Tensors* tensors) {
                   (*tensors)["visual.positional_embedding"].shape = {4, 80};
                 }),
                 "expected a square number and one"));
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
  const auto model = Model::open(save(records));
  CHECK(model->config().name == "small");
  CHECK(model->config().text.activation == clip::Activation::kGelu);
  CHECK(model->config().preprocessing.resize == clip::ResizeMode::kSquash);
  CHECK(model->config().preprocessing.mean[2] == 0.5F);
  CHECK(model->config().vision.heads == 4);

  CHECK(contains(open_error(tensors, R"({"image_size": 16})"), "clip.json says"));
  CHECK(contains(open_error(tensors, R"({"context_length": 6})"), "clip.json says"));
  CHECK(contains(open_error(tensors, R"({"vision_heads": 7})"), "7 heads"));
}

TEST_CASE("a clip.json that is not valid is an error that says where") {
  const Tensors tensors = small_weights(small_config(VisionKind::kTransformer));
  for (const char* json :
       {"{", "[]", "null", R"({"format": 2})", R"({"format": "1"})", R"({"image_size": -1})",
        R"({"image_size": 1e30})", R"({"mean": [1, 2]})", R"({"std": [0, 1, 1]})",
        R"({"activation": "relu"})", R"({"name": 5})", R"({"resize": null})"}) {
    CAPTURE(json);
    CHECK(contains(open_error(tensors, json), "clip.json"));
  }
}

TEST_CASE("other modules are taken with what they state, and what is assumed is said") {
  const Tensors other = {{"backbone.weight", {{4, 4}, std::vector<float>(16, 1)}}};
  const auto unknown = Model::open(save(module_records(other)));
  CHECK_FALSE(unknown->config().recognised);
  CHECK(unknown->config().vision.image_size == 224);
  CHECK(unknown->config().assumed.size() == 3);

  Tensors extended = small_weights(small_config(VisionKind::kTransformer));
  extended["visual.transformer.resblocks.0.ls_1.gamma"] = {{64}, std::vector<float>(64, 1)};
  const auto scaled = Model::open(save(module_records(extended)));
  CHECK_FALSE(scaled->config().recognised);
  CHECK(contains(scaled->config().unrecognised, "ls_1.gamma"));
  CHECK(scaled->config().vision.image_size == 8);
}

TEST_CASE("canonical weights are views of what the file stores") {
  for (const auto kind : {VisionKind::kTransformer, VisionKind::kResNet}) {
    const auto config = small_config(kind);
    const auto model = Model::open(save(module_records(small_weights(config))));
    const auto begin =
        reinterpret_cast<const std::byte*>(model->checkpoint().files().front()->data());
    const auto end = begin + model->checkpoint().files().front()->size();
    for (const auto& [key, shape] : clip::canonical_weights(config)) {
      const std::string name = key;
      CAPTURE(name);
      const clip::Weight& weight = model->weights().at(name);
      CHECK(weight.tensor.shape == shape);
      CHECK(weight.tensor.data >= begin);
      CHECK(weight.tensor.data < end);
      CHECK(model->checkpoint().find(weight.stored) != nullptr);
    }
  }
  // Queries, keys and values follow each other in one tensor; projections are stored turned.
  Tensors tensors = small_weights(small_config(VisionKind::kTransformer));
  auto& fused = tensors["visual.transformer.resblocks.0.attn.in_proj_bias"].values;
  for (std::size_t i = 0; i < fused.size(); ++i) fused[i] = float(i);
  auto& projection = tensors["visual.proj"].values;  // [64, 8]
  for (std::size_t i = 0; i < projection.size(); ++i) projection[i] = float(i);
  const auto model = Model::open(save(module_records(tensors)));
  const auto tensor = [&](const char* name) { return model->weights().at(name).tensor; };
  CHECK(clip::element(tensor("image.blocks.0.attention.query.bias"), 0) == 0);
  CHECK(clip::element(tensor("image.blocks.0.attention.key.bias"), 0) == 64);
  CHECK(clip::element(tensor("image.blocks.0.attention.value.bias"), 63) == 191);
  const clip::Tensor turned = tensor("image.projection.weight");
  CHECK(turned.shape == clip::Shape{8, 64});
  CHECK(clip::element(turned, turned.strides[1]) == 8);  // of the file's second row
}

TEST_CASE("a model has one identity wherever it lies, and another when anything in it changes") {
  const Tensors tensors = small_weights(small_config(VisionKind::kTransformer));
  const auto identity = [](const Tensors& of, const std::string& json, const char* name) {
    auto records = module_records(of);
    if (!json.empty()) records.emplace_back("root/extra/clip.json", json);
    return Model::open(clip_test::write_file(name, clip_test::zip(records)))->identity();
  };
  const std::string first = identity(tensors, "", "one.pt");
  CHECK(first.size() == 64);
  CHECK(identity(tensors, "", "two.pt") == first);
  // What changes no embedding does not count.
  CHECK(identity(tensors, R"({"name": "another"})", "one.pt") == first);
  CHECK(identity(tensors, R"({"activation": "gelu"})", "one.pt") != first);
  CHECK(identity(tensors, R"({"mean": [0.5, 0.5, 0.5]})", "one.pt") != first);
  CHECK(identity(tensors, R"({"resize": "squash-bicubic"})", "one.pt") != first);
  CHECK(identity(tensors, R"({"text_heads": 2})", "one.pt") != first);
  for (const auto& [key, values] : tensors) {
    const std::string name = key;
    CAPTURE(name);
    Tensors changed = tensors;
    changed[name].values[0] += 0.125F;
    CHECK(identity(changed, "", "one.pt") != first);
  }
  // Only its own code can run a module with other weights, so the code counts.
  const Tensors other = {{"backbone.weight", {{4, 4}, std::vector<float>(16, 1)}}};
  auto records = module_records(other);
  const auto with_code = [&](const char* code) {
    auto all = records;
    all.emplace_back("root/code/model.py", code);
    return Model::open(save(all))->identity();
  };
  CHECK(with_code("a") != with_code("b"));
}

TEST_CASE("a model for another vocabulary has no tokenizer, and says so when it is asked for one") {
  const auto model =
      Model::open(save(module_records(small_weights(small_config(VisionKind::kTransformer)))));
  CHECK(contains(clip_test::error_of([&] { model->tokenizer(); }), "vocabulary of 10"));
}
