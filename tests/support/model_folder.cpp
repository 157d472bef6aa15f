#include "model_folder.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "model/canonical.h"
#include "model/layouts/hugging_face.h"
#include "model/layouts/layout.h"
#include "model/layouts/openai.h"

namespace clip_test {
namespace {

using Json = nlohmann::json;

bool ends(const std::string& name, const std::string& end) {
  return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

// Numbers of about the size that trained models have, so that activations neither vanish nor
// explode.
std::vector<float> random_values(const std::string& name, const clip::Shape& shape,
                                 std::mt19937* random) {
  std::vector<float> values(static_cast<std::size_t>(clip::element_count(shape)));
  float mean = 0, std = 0.1F;
  if (name == "logit_scale") {
    mean = 4;
  } else if (ends(name, "variance")) {
    mean = 1, std = 0.1F;
  } else if (shape.size() == 1 && ends(name, ".weight")) {
    mean = 1;
  } else if (shape.size() > 1 && name.find("embedding") == std::string::npos) {
    std = 1 / std::sqrt(static_cast<float>(values.size()) / static_cast<float>(shape[0]));
  }
  std::normal_distribution<float> normal(mean, std);
  for (float& value : values) value = normal(*random);
  return values;
}

std::string safetensors(const clip::Layout& layout, const clip::ModelConfig& config) {
  std::mt19937 random(1);
  struct Stored {
    clip::Shape shape;
    std::vector<float> values;
  };
  std::map<std::string, Stored> tensors;  // queries, keys and values may be stored as one
  for (const clip::CanonicalWeight& weight : clip::canonical_weights(config)) {
    const clip::StoredWeight stored = clip::stored_weight(layout, weight);
    if (tensors.count(stored.name) > 0) continue;
    tensors[stored.name] = {stored.shape, random_values(weight.name, stored.shape, &random)};
  }
  Json header = Json::object();
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t begin = data.size(), bytes = tensor.values.size() * sizeof(float);
    data.append(reinterpret_cast<const char*>(tensor.values.data()), bytes);
    header[name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, begin + bytes}}};
  }
  const std::string text = header.dump();
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(text.size() >> (8 * i));
  return file + text + data;
}

const char* hidden_act(clip::Activation activation) {
  switch (activation) {
    case clip::Activation::kGelu:
      return "gelu";
    case clip::Activation::kGeluTanh:
      return "gelu_pytorch_tanh";
    case clip::Activation::kQuickGelu:
      break;
  }
  return "quick_gelu";
}

Json tower(const clip::TransformerConfig& config) {
  return {{"hidden_size", config.width},
          {"intermediate_size", config.mlp_width},
          {"num_hidden_layers", config.layers},
          {"num_attention_heads", config.heads},
          {"hidden_act", hidden_act(config.activation)},
          {"layer_norm_eps", config.norm_epsilon}};
}

void set_tower(std::int64_t width, clip::TransformerConfig* config) {
  config->width = width;
  config->heads = 2;
  config->layers = 2;
  config->mlp_width = 4 * width;
}

}  // namespace

clip::ModelConfig small_vit_config(std::int64_t vision_width, std::int64_t text_width) {
  clip::ModelConfig config;
  config.embedding_dim = 24;
  set_tower(vision_width, &config.vision);
  config.vision.kind = clip::VisionKind::kTransformer;
  config.vision.image_size = 32;
  config.vision.patch_size = 8;
  set_tower(text_width, &config.text);
  config.text.vocab_size = 300;
  return config;
}

clip::ModelConfig small_resnet_config(std::int64_t text_width) {
  clip::ModelConfig config = small_vit_config(8, text_width);
  config.vision.kind = clip::VisionKind::kResNet;
  config.vision.image_size = 64;
  config.vision.heads = 4;  // 64 channels each
  config.vision.stages = {1, 2, 1, 1};
  return config;
}

std::string write_model(const TemporaryFolder& folder, const std::string& name,
                        const clip::ModelConfig& config) {
  if (config.vision.kind == clip::VisionKind::kTransformer) {
    Json text = tower(config.text), vision = tower(config.vision);
    text["max_position_embeddings"] = config.text.context_length;
    text["vocab_size"] = config.text.vocab_size;
    vision["image_size"] = config.vision.image_size;
    vision["patch_size"] = config.vision.patch_size;
    folder.write(name + "/config.json", Json{{"model_type", "clip"},
                                             {"projection_dim", config.embedding_dim},
                                             {"text_config", text},
                                             {"vision_config", vision}}
                                            .dump());
    folder.write(
        name + "/preprocessor_config.json",
        Json{{"size", config.vision.image_size}, {"crop_size", config.vision.image_size}}.dump());
    folder.write(name + "/model.safetensors", safetensors(clip::hugging_face_layout(), config));
    return folder.path(name);
  }
  const bool quick = config.text.activation == clip::Activation::kQuickGelu;
  const Json text = {
      {"context_length", config.text.context_length},
      {"vocab_size", config.text.vocab_size},
      {"width", config.text.width},
      {"heads", config.text.heads},
      {"layers", config.text.layers},
      {"norm_kwargs", {{"eps", config.text.norm_epsilon}}},
      {"act_kwargs",
       {{"approximate", config.text.activation == clip::Activation::kGeluTanh ? "tanh" : "none"}}}};
  const Json vision = {{"layers", config.vision.stages},
                       {"width", config.vision.width},
                       {"head_width", config.vision.width * 32 / config.vision.heads},
                       {"image_size", config.vision.image_size}};
  folder.write(name + "/open_clip_config.json", Json{{"model_cfg",
                                                      {{"embed_dim", config.embedding_dim},
                                                       {"quick_gelu", quick},
                                                       {"vision_cfg", vision},
                                                       {"text_cfg", text}}},
                                                     {"preprocess_cfg", Json::object()}}
                                                    .dump());
  folder.write(name + "/open_clip_model.safetensors", safetensors(clip::openai_layout(), config));
  return folder.path(name);
}

}  // namespace clip_test
