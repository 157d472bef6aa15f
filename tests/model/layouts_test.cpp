// Configs and layouts on small made-up models; real numbers are compared by the tests of the
// command line.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "clip/error.h"
#include "clip/model.h"
#include "clip_archive.h"
#include "model/architectures.h"
#include "model/position_embedding.h"
#include "model/weights.h"
#include "support.h"
#include "zip_writer.h"

using namespace clip;
using namespace clip_test;
using Json = nlohmann::json;

namespace {

// Of the small ViT (clip_archive.h), whose heads are given.
Json good_config() {
  return Json::parse(R"({"model_cfg": {"embed_dim": 8, "quick_gelu": true,
      "vision_cfg": {"image_size": 8, "layers": 1, "width": 64, "head_width": 32, "patch_size": 4},
      "text_cfg": {"context_length": 5, "vocab_size": 10, "width": 64, "heads": 4, "layers": 1}},
      "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.3],
                         "interpolation": "bilinear", "resize_mode": "squash"}})");
}

std::string model_path() {
  return write_file("open_clip_model.safetensors",
                    safetensors_file(small_weights(small_config(VisionKind::kTransformer))));
}

std::shared_ptr<const Model> open_with(const Json& config, const OpenOptions& options = {}) {
  const std::string path = model_path();
  write_file("open_clip_config.json", config.dump());
  struct Remove {
    std::string path;
    ~Remove() { std::filesystem::remove(path); }
  } const remove{std::filesystem::path(path).parent_path() / "open_clip_config.json"};
  return Model::open(path, options);
}

std::string error_with(const Json& config, const OpenOptions& options = {}) {
  try {
    open_with(config, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("open_clip's config says what the weights do not") {
  const auto model = open_with(good_config());
  const ModelConfig& config = model->config();
  CHECK(config.recognised);
  CHECK(config.layout == "openai");
  CHECK(config.vision.heads == 2);
  CHECK(config.text.heads == 4);
  CHECK(config.vision.activation == Activation::kQuickGelu);
  CHECK(config.preprocessing.resize == ResizeMode::kSquash);
  CHECK(config.preprocessing.interpolation == Interpolation::kBilinear);
  CHECK(config.preprocessing.mean[1] == 0.4F);
  CHECK(config.preprocessing.std[2] == 0.3F);
  CHECK(config.preprocessing.image_size == 8);

  Json other = good_config();
  other["model_cfg"].erase("quick_gelu");
  other["model_cfg"]["text_cfg"]["act_kwargs"] = {{"approximate", "tanh"}};
  other["model_cfg"]["vision_cfg"]["norm_kwargs"] = {{"eps", 1e-6}};
  other.erase("preprocess_cfg");
  const auto second = open_with(other);
  CHECK(second->config().vision.activation == Activation::kGelu);
  CHECK(second->config().text.activation == Activation::kGeluTanh);
  CHECK(second->config().vision.norm_epsilon == 1e-6F);
  CHECK(second->config().text.norm_epsilon == 1e-5F);
  CHECK(second->config().preprocessing.mean == Preprocessing().mean);
  CHECK(second->config().preprocessing.resize == ResizeMode::kShortestSide);
  CHECK(second->identity() != model->identity());
}

TEST_CASE("what cannot be run, or contradicts the weights, is refused by its key") {
  struct Case {
    const char *pointer, *value, *message;
  };
  const Case cases[] = {
      {"/model_cfg", "null", "model_cfg is missing"},
      {"/model_cfg", "[]", "expected an object"},
      {"/model_cfg/embed_dim", "9", "embedding dimension is 9"},
      {"/model_cfg/embed_dim", "\"x\"", "embed_dim is \"x\""},
      {"/model_cfg/quick_gelu", "1", "expected true or false"},
      {"/model_cfg/multimodal_cfg", "{}", "CoCa"},
      {"/model_cfg/init_logit_bias", "-10", "SigLIP"},
      {"/model_cfg/vision_cfg/timm_model_name", "\"convnext_base\"", "timm"},
      {"/model_cfg/vision_cfg/width", "32", "width of the image tower is 32"},
      {"/model_cfg/vision_cfg/patch_size", "2", "patch size is 2"},
      {"/model_cfg/vision_cfg/layers", "2", "layers of the image tower is 2"},
      {"/model_cfg/vision_cfg/head_width", "0", "head_width is 0"},
      {"/model_cfg/vision_cfg/head_width", "128", "heads do not divide"},
      {"/model_cfg/vision_cfg/image_size", "[8, 12]", "only square"},
      {"/model_cfg/vision_cfg/image_size", "2", "less than a patch"},
      {"/model_cfg/vision_cfg/pool_type", "\"avg\"", "pool_type"},
      {"/model_cfg/vision_cfg/no_ln_pre", "true", "no_ln_pre"},
      {"/model_cfg/vision_cfg/ls_init_value", "0.1", "layer scale"},
      {"/model_cfg/vision_cfg/qk_norm", "true", "qk_norm"},
      {"/model_cfg/vision_cfg/attentional_pool", "true", "attentional"},
      {"/model_cfg/vision_cfg/norm_kwargs", "{\"eps\": -1}", "epsilon"},
      {"/model_cfg/text_cfg/hf_model_name", "\"roberta-base\"", "transformers"},
      {"/model_cfg/text_cfg/hf_tokenizer_name", "\"xlm\"", "tokenizer"},
      {"/model_cfg/text_cfg/no_causal_mask", "true", "padding"},
      {"/model_cfg/text_cfg/pool_type", "\"last\"", "argmax"},
      {"/model_cfg/text_cfg/proj_bias", "true", "bias"},
      {"/model_cfg/text_cfg/heads", "3", "heads do not divide"},
      {"/model_cfg/text_cfg/vocab_size", "11", "vocabulary size is 11"},
      {"/model_cfg/text_cfg/context_length", "6", "context length is 6"},
      {"/model_cfg/text_cfg/tokenizer_kwargs", "{\"clean\": \"canonicalize\"}", "clean"},
      {"/preprocess_cfg/interpolation", "\"nearest\"", "bicubic and bilinear"},
      {"/preprocess_cfg/resize_mode", "\"fill\"", "none of shortest"},
      {"/preprocess_cfg/mean", "[1, 2]", "three numbers"},
      {"/preprocess_cfg/std", "[1, 0, 1]", "three positive"},
  };
  for (const Case& each : cases) {
    Json config = good_config();
    config[Json::json_pointer(each.pointer)] = Json::parse(each.value);
    CAPTURE(each.pointer);
    CAPTURE(each.value);
    const std::string error = error_with(config);
    CAPTURE(error);
    CHECK(contains(error, each.message));
  }
  const std::string path = model_path();
  const std::string document = write_file("open_clip_config.json", "{");
  CHECK_THROWS_WITH_AS(Model::open(path), doctest::Contains("no valid JSON"), Error);
  std::filesystem::remove(document);
}

TEST_CASE("without a config nothing is guessed") {
  CHECK_THROWS_WITH_AS(Model::open(model_path()), doctest::Contains("activation"), Error);
  OpenOptions options;
  options.architecture = "ViT-B-32";
  CHECK_THROWS_WITH_AS(Model::open(model_path(), options),
                       doctest::Contains("embedding dimension is 8, and that of ViT-B-32 is 512"),
                       Error);
  CHECK(contains(error_with(good_config(), options), "is not of the architecture ViT-B-32"));
  CHECK_THROWS_WITH_AS(architecture("ViT-B-23"), doctest::Contains("did you mean ViT-B-32"), Error);
  CHECK(architecture("vit-h-14").vision.heads == 16);
  CHECK(architecture("ViT-g-14").vision.mlp_width == 6144);
  CHECK(architecture("ViT-B-32").text.activation == Activation::kGelu);
  CHECK(architecture("ViT-B-32-quickgelu").text.activation == Activation::kQuickGelu);
  CHECK(architecture("RN50x64").vision.stages == std::array<std::int64_t, 4>{3, 15, 36, 10});
  CHECK(architecture_names().size() >= 15);
}

TEST_CASE("another image size resamples the position embeddings") {
  OpenOptions options;
  options.image_size = 16;
  const auto model = open_with(good_config(), options);
  CHECK(model->config().preprocessing.image_size == 16);
  const Weight& positions = model->weights().at("image.position_embedding");
  CHECK(positions.tensor.shape == Shape{17, 64});
  CHECK_FALSE(positions.tensor.mapped);
  CHECK(model->identity() != open_with(good_config())->identity());
  options.image_size = 10;
  CHECK(contains(error_with(good_config(), options), "8 and 12 can"));
  // So does a config for another size than that of the weights.
  Json config = good_config();
  config["model_cfg"]["vision_cfg"]["image_size"] = 12;
  CHECK(open_with(config)->weights().at("image.position_embedding").tensor.shape == Shape{10, 64});
}

TEST_CASE("resampled position embeddings keep constants and the class token") {
  std::vector<float> values;
  for (int row = 0; row < 10; ++row) {
    for (int column = 0; column < 3; ++column) {
      values.push_back(row == 0 ? 7.0F : static_cast<float>(column));
    }
  }
  const Tensor tensor{TensorType::kFloat32,
                      {10, 3},
                      {3, 1},
                      reinterpret_cast<const std::byte*>(values.data()),
                      false};
  for (const std::int64_t side : {1, 2, 3, 5, 16}) {
    const std::vector<float> result = resampled_positions(tensor, side);
    REQUIRE(result.size() == static_cast<std::size_t>(3 * (side * side + 1)));
    for (std::size_t i = 0; i < result.size(); ++i) {
      CHECK(result[i] == doctest::Approx(i < 3 ? 7.0F : static_cast<float>(i % 3)));
    }
  }
}
