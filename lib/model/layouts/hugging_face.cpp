#include "model/layouts/hugging_face.h"

#include <fmt/format.h>

#include <string>

#include "base/strings.h"
#include "clip/error.h"
#include "model/export_metadata.h"
#include "model/layouts/config_document.h"
#include "model/layouts/dimensions.h"
#include "model/layouts/stated.h"

namespace clip {
namespace {

constexpr const char *kConfig = "config.json", *kPreprocessor = "preprocessor_config.json";
constexpr std::int64_t kMaxSize = 1 << 20;

constexpr const char* kLandmarks[] = {"logit_scale",
                                      "text_model.embeddings.token_embedding.weight",
                                      "text_model.final_layer_norm.weight",
                                      "text_projection.weight",
                                      "vision_model.embeddings.class_embedding",
                                      "vision_model.embeddings.patch_embedding.weight",
                                      "visual_projection.weight"};
constexpr int kLandmarksNeeded = 4;

bool matches(const Checkpoint& checkpoint) {
  int found = 0;
  for (const char* name : kLandmarks) found += checkpoint.find(name) != nullptr;
  return found >= kLandmarksNeeded;
}

// Old files hold the buffer position_ids, 0, 1, 2, ..., of each tower.
bool may_stand_beside(const std::string& name) {
  return ends_with(name, ".embeddings.position_ids");
}

void read_text_dimensions(const Checkpoint& checkpoint, ModelConfig* config) {
  TextConfig& text = config->text;
  const char* tokens = "text_model.embeddings.token_embedding.weight";
  text.vocab_size = dimension(checkpoint, tokens, 0, 2, "[vocabulary, text width]");
  text.width = dimension(checkpoint, tokens, 1, 2, "[vocabulary, text width]");
  text.context_length = dimension(checkpoint, "text_model.embeddings.position_embedding.weight", 0,
                                  2, "[context length, text width]");
  text.layers = count_layers(checkpoint, "text_model.encoder.layers.");
  text.mlp_width = dimension(checkpoint, "text_model.encoder.layers.0.mlp.fc1.weight", 0, 2,
                             "[MLP width, text width]");
  config->embedding_dim =
      dimension(checkpoint, "text_projection.weight", 0, 2, "[embedding dimension, text width]");
}

void read_vision_dimensions(const Checkpoint& checkpoint, VisionConfig* vision) {
  vision->kind = VisionKind::kTransformer;
  const char* patches = "vision_model.embeddings.patch_embedding.weight";
  const char* shape = "[vision width, 3, patch, patch]";
  vision->width = dimension(checkpoint, patches, 0, 4, shape);
  vision->patch_size = dimension(checkpoint, patches, 2, 4, shape);
  vision->layers = count_layers(checkpoint, "vision_model.encoder.layers.");
  vision->mlp_width = dimension(checkpoint, "vision_model.encoder.layers.0.mlp.fc1.weight", 0, 2,
                                "[MLP width, vision width]");
  vision->image_size = vision->patch_size *
                       grid_side(checkpoint, "vision_model.embeddings.position_embedding.weight");
}

// A tower's keys: those of the legacy object, where there is one. transformers' CLIPConfig
// completes it with the defaults before it overrides the other object, so nothing of that one is
// left. Configs leave out what equals the default, which is ViT-B/32's.
ConfigObject tower_of(const ConfigObject& document, const std::string& name) {
  const std::string legacy = name + "_dict";
  return document.object(document.has(legacy) ? legacy : name);
}

std::int64_t size_of(const ConfigObject& tower, const std::string& key, std::int64_t otherwise) {
  return tower.integer(key, otherwise, 1, 1 << 30);
}

void apply_tower(const Checkpoint& checkpoint, const ConfigObject& tower, const char* name,
                 std::int64_t width, std::int64_t mlp_width, std::int64_t heads,
                 TransformerConfig* config) {
  check_stated(checkpoint, kConfig, fmt::format("width of the {} tower", name).c_str(),
               size_of(tower, "hidden_size", width), config->width);
  check_stated(checkpoint, kConfig, fmt::format("MLP width of the {} tower", name).c_str(),
               size_of(tower, "intermediate_size", mlp_width), config->mlp_width);
  check_stated(checkpoint, kConfig, fmt::format("number of layers of the {} tower", name).c_str(),
               size_of(tower, "num_hidden_layers", 12), config->layers);
  config->heads = size_of(tower, "num_attention_heads", heads);
  const double epsilon = tower.number("layer_norm_eps", 1e-5);
  if (!(epsilon > 0 && epsilon < 1)) {
    tower.refuse("layer_norm_eps", "which is no epsilon of layer normalization");
  }
  config->norm_epsilon = static_cast<float>(epsilon);
  const std::string activation = tower.text("hidden_act", "quick_gelu");
  if (activation == "quick_gelu") {
    config->activation = Activation::kQuickGelu;
  } else if (activation == "gelu") {
    config->activation = Activation::kGelu;
  } else if (activation == "gelu_new" || activation == "gelu_pytorch_tanh") {
    config->activation = Activation::kGeluTanh;
  } else {
    tower.refuse("hidden_act", "which is none of quick_gelu, gelu, gelu_new and gelu_pytorch_tanh");
  }
}

void apply_config(const Checkpoint& checkpoint, ModelConfig* config) {
  const ConfigObject document(checkpoint, kConfig);
  if (document.text("model_type", "clip") != "clip") {
    document.refuse("model_type", "and of transformers' models only clip is supported");
  }
  check_stated(checkpoint, kConfig, "embedding dimension",
               document.integer("projection_dim", 512, 1, kMaxSize), config->embedding_dim);

  const ConfigObject text = tower_of(document, "text_config");
  apply_tower(checkpoint, text, "text", 512, 2048, 8, &config->text);
  check_stated(checkpoint, kConfig, "context length", size_of(text, "max_position_embeddings", 77),
               config->text.context_length);
  check_stated(checkpoint, kConfig, "vocabulary size", size_of(text, "vocab_size", 49408),
               config->text.vocab_size);
  // OpenAI's and LAION's configs say 2, which is wrong and means the highest id all the same
  // (transformers' CLIPTextTransformer); any other number is another tokenizer's.
  const std::int64_t end = text.integer("eos_token_id", 2, 0, 1 << 30);
  if (end != 2 && end != config->text.end_of_text) {
    text.refuse("eos_token_id", "and only CLIP's own tokenizer is supported");
  }

  const ConfigObject vision = tower_of(document, "vision_config");
  apply_tower(checkpoint, vision, "image", 768, 3072, 12, &config->vision);
  check_stated(checkpoint, kConfig, "patch size", size_of(vision, "patch_size", 32),
               config->vision.patch_size);
  check_stated(checkpoint, kConfig, "number of channels", size_of(vision, "num_channels", 3), 3);
  const std::int64_t size = size_of(vision, "image_size", 224);
  check_stated(checkpoint, kConfig, "image size", size / config->vision.patch_size,
               config->vision.image_size / config->vision.patch_size);
  config->vision.image_size = size;
}

// A number that stands for a square, or an object with these keys.
std::int64_t square_of(const ConfigObject& rule, const std::string& key, std::int64_t otherwise) {
  if (!rule.has(key)) return otherwise;
  if (!rule.json().at(key).is_object()) return rule.integer(key, otherwise, 1, 16384);
  const ConfigObject size = rule.object(key);
  if (size.has("shortest_edge")) return size.integer("shortest_edge", otherwise, 1, 16384);
  const std::int64_t height = size.integer("height", otherwise, 1, 16384);
  if (size.integer("width", otherwise, 1, 16384) != height) {
    rule.refuse(key, "and only squares are supported");
  }
  return height;
}

// Both are written by transformers' processors; the newest write one document for all of them.
ConfigObject preprocessor_of(const Checkpoint& checkpoint) {
  if (checkpoint.documents().count(kPreprocessor) > 0) return {checkpoint, kPreprocessor};
  return ConfigObject(checkpoint, "processor_config.json").object("image_processor");
}

void apply_preprocessing(const Checkpoint& checkpoint, ModelConfig* config) {
  const ConfigObject rule = preprocessor_of(checkpoint);
  Preprocessing& preprocessing = config->preprocessing;
  for (const char* step : {"do_resize", "do_normalize", "do_rescale"}) {
    if (!rule.boolean(step, true)) rule.refuse(step, "and images are always prepared so");
  }
  const double factor = rule.number("rescale_factor", 1 / 255.0);
  if (factor < 0.99 / 255 || factor > 1.01 / 255) {
    rule.refuse("rescale_factor", "and only 1 / 255 is supported");
  }
  preprocessing.mean = rule.channels("image_mean", preprocessing.mean, false);
  preprocessing.std = rule.channels("image_std", preprocessing.std, true);
  switch (rule.integer("resample", 3, 0, 5)) {  // Pillow's codes
    case 2:
      preprocessing.interpolation = Interpolation::kBilinear;
      break;
    case 3:
      break;
    default:
      rule.refuse("resample", "and only 2, bilinear, and 3, bicubic, are supported");
  }
  const std::int64_t n = config->vision.image_size;
  const std::int64_t size = square_of(rule, "size", n);
  const bool crops = rule.boolean("do_center_crop", true);
  const bool squashes = rule.has("size") && rule.json().at("size").is_object() &&
                        !rule.object("size").has("shortest_edge");
  if (squashes) preprocessing.resize = ResizeMode::kSquash;
  if (size != n) rule.refuse("size", fmt::format("and the model takes images of {} pixels", n));
  if (crops && square_of(rule, "crop_size", n) != n) {
    rule.refuse("crop_size", fmt::format("and the model takes images of {} pixels", n));
  }
  if (!crops && !squashes) {
    rule.refuse("do_center_crop", "and images of any proportions are not supported");
  }
}

ModelConfig read_config(const Checkpoint& checkpoint, const OpenOptions& options) {
  ModelConfig config;
  read_text_dimensions(checkpoint, &config);
  read_vision_dimensions(checkpoint, &config.vision);
  const auto& documents = checkpoint.documents();
  const bool stated = documents.count(kConfig) > 0;
  const bool prepared =
      documents.count(kPreprocessor) > 0 || documents.count("processor_config.json") > 0;
  if (stated) {
    apply_config(checkpoint, &config);
    if (!options.architecture.empty()) check_architecture(checkpoint, options, config);
  } else if (!options.architecture.empty()) {
    apply_architecture(checkpoint, options.architecture, &config);
  } else if (options.known) {
    apply_architecture(checkpoint, options.known->architecture, &config);
  } else {
    refuse_without_config(checkpoint, kConfig);
  }
  if (prepared) {
    apply_preprocessing(checkpoint, &config);
  } else if (options.known) {
    config.preprocessing = options.known->preprocessing;
  } else if (options.architecture.empty()) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{} has no {} beside it, which says how images are prepared for it: get "
                    "it from the repository of the weights, or name their architecture as "
                    "open_clip does, for OpenAI's way",
                    checkpoint.path(), kPreprocessor),
        Hint::kNameArchitecture);
  }
  read_logit_scale(checkpoint, &config);
  return config;
}

const LayoutRow kRows[] = {
    {"logit_scale", "logit_scale"},

    {"text.token_embedding", "text_model.embeddings.token_embedding.weight"},
    {"text.position_embedding", "text_model.embeddings.position_embedding.weight"},
    {"text.norm_final.weight", "text_model.final_layer_norm.weight"},
    {"text.norm_final.bias", "text_model.final_layer_norm.bias"},
    {"text.projection.weight", "text_projection.weight"},

    {"image.patch_embedding.weight", "vision_model.embeddings.patch_embedding.weight"},
    {"image.class_embedding", "vision_model.embeddings.class_embedding"},
    {"image.position_embedding", "vision_model.embeddings.position_embedding.weight"},
    // The files spell it so.
    {"image.norm_pre.weight", "vision_model.pre_layrnorm.weight"},
    {"image.norm_pre.bias", "vision_model.pre_layrnorm.bias"},
    {"image.norm_post.weight", "vision_model.post_layernorm.weight"},
    {"image.norm_post.bias", "vision_model.post_layernorm.bias"},
    {"image.projection.weight", "visual_projection.weight"},

    {"text.blocks.{}.norm_1.weight", "text_model.encoder.layers.{}.layer_norm1.weight"},
    {"text.blocks.{}.norm_1.bias", "text_model.encoder.layers.{}.layer_norm1.bias"},
    {"text.blocks.{}.attention.query.weight",
     "text_model.encoder.layers.{}.self_attn.q_proj.weight"},
    {"text.blocks.{}.attention.query.bias", "text_model.encoder.layers.{}.self_attn.q_proj.bias"},
    {"text.blocks.{}.attention.key.weight", "text_model.encoder.layers.{}.self_attn.k_proj.weight"},
    {"text.blocks.{}.attention.key.bias", "text_model.encoder.layers.{}.self_attn.k_proj.bias"},
    {"text.blocks.{}.attention.value.weight",
     "text_model.encoder.layers.{}.self_attn.v_proj.weight"},
    {"text.blocks.{}.attention.value.bias", "text_model.encoder.layers.{}.self_attn.v_proj.bias"},
    {"text.blocks.{}.attention.output.weight",
     "text_model.encoder.layers.{}.self_attn.out_proj.weight"},
    {"text.blocks.{}.attention.output.bias",
     "text_model.encoder.layers.{}.self_attn.out_proj.bias"},
    {"text.blocks.{}.norm_2.weight", "text_model.encoder.layers.{}.layer_norm2.weight"},
    {"text.blocks.{}.norm_2.bias", "text_model.encoder.layers.{}.layer_norm2.bias"},
    {"text.blocks.{}.mlp.up.weight", "text_model.encoder.layers.{}.mlp.fc1.weight"},
    {"text.blocks.{}.mlp.up.bias", "text_model.encoder.layers.{}.mlp.fc1.bias"},
    {"text.blocks.{}.mlp.down.weight", "text_model.encoder.layers.{}.mlp.fc2.weight"},
    {"text.blocks.{}.mlp.down.bias", "text_model.encoder.layers.{}.mlp.fc2.bias"},

    {"image.blocks.{}.norm_1.weight", "vision_model.encoder.layers.{}.layer_norm1.weight"},
    {"image.blocks.{}.norm_1.bias", "vision_model.encoder.layers.{}.layer_norm1.bias"},
    {"image.blocks.{}.attention.query.weight",
     "vision_model.encoder.layers.{}.self_attn.q_proj.weight"},
    {"image.blocks.{}.attention.query.bias",
     "vision_model.encoder.layers.{}.self_attn.q_proj.bias"},
    {"image.blocks.{}.attention.key.weight",
     "vision_model.encoder.layers.{}.self_attn.k_proj.weight"},
    {"image.blocks.{}.attention.key.bias", "vision_model.encoder.layers.{}.self_attn.k_proj.bias"},
    {"image.blocks.{}.attention.value.weight",
     "vision_model.encoder.layers.{}.self_attn.v_proj.weight"},
    {"image.blocks.{}.attention.value.bias",
     "vision_model.encoder.layers.{}.self_attn.v_proj.bias"},
    {"image.blocks.{}.attention.output.weight",
     "vision_model.encoder.layers.{}.self_attn.out_proj.weight"},
    {"image.blocks.{}.attention.output.bias",
     "vision_model.encoder.layers.{}.self_attn.out_proj.bias"},
    {"image.blocks.{}.norm_2.weight", "vision_model.encoder.layers.{}.layer_norm2.weight"},
    {"image.blocks.{}.norm_2.bias", "vision_model.encoder.layers.{}.layer_norm2.bias"},
    {"image.blocks.{}.mlp.up.weight", "vision_model.encoder.layers.{}.mlp.fc1.weight"},
    {"image.blocks.{}.mlp.up.bias", "vision_model.encoder.layers.{}.mlp.fc1.bias"},
    {"image.blocks.{}.mlp.down.weight", "vision_model.encoder.layers.{}.mlp.fc2.weight"},
    {"image.blocks.{}.mlp.down.bias", "vision_model.encoder.layers.{}.mlp.fc2.bias"},
};

}  // namespace

Layout hugging_face_layout() {
  return {
      "hugging_face", matches, read_config, {std::begin(kRows), std::end(kRows)}, may_stand_beside};
}

}  // namespace clip
