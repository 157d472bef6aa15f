#include "model/layouts/open_clip_config.h"

#include <fmt/format.h>

#include <map>
#include <string>

#include "model/layouts/config_document.h"
#include "model/layouts/stated.h"

namespace clip {
namespace {

constexpr std::int64_t kMaxSize = 1 << 20;
constexpr const char* kTowers = "and such towers are not supported";

// What changes how a transformer computes, and is not supported. Beside them stand keys that matter
// only in training.
const std::map<std::string, const char*>& unsupported_in_both() {
  static const std::map<std::string, const char*> keys = {
      {"ls_init_value", "and layer scale is not supported"},
      {"qk_norm", kTowers},
      {"scaled_cosine_attn", kTowers},
      {"scale_heads", kTowers},
      {"scale_attn_inner", kTowers},
      {"scale_attn", kTowers},
      {"scale_fc", kTowers},
      {"final_ln_after_pool", "and a norm behind the pooling is not supported"},
  };
  return keys;
}

void apply_tower(const ConfigObject& tower, bool quick_gelu, TransformerConfig* config) {
  tower.refuse_all(unsupported_in_both());
  if (tower.text("block_type", "default") != "default") tower.refuse("block_type", kTowers);
  config->activation = quick_gelu ? Activation::kQuickGelu : Activation::kGelu;
  const ConfigObject activation = tower.object("act_kwargs");
  const std::string approximate = activation.text("approximate", "none");
  if (approximate == "tanh" && !quick_gelu) {
    config->activation = Activation::kGeluTanh;
  } else if (approximate != "none") {
    activation.refuse("approximate", "which is no approximation of GELU that is supported");
  }
  const double epsilon = tower.object("norm_kwargs").number("eps", 1e-5);
  if (!(epsilon > 0 && epsilon < 1)) {
    tower.object("norm_kwargs").refuse("eps", "which is no epsilon of layer normalization");
  }
  config->norm_epsilon = static_cast<float>(epsilon);
}

void apply_vision(const Checkpoint& checkpoint, const ConfigObject& tower, bool quick_gelu,
                  VisionConfig* vision) {
  tower.refuse_all({
      {"timm_model_name", "a tower of timm's, and these are not supported"},
      {"no_ln_pre", "and towers without a norm in front are not supported"},
      {"attentional_pool", "and attentional pooling is not supported"},
      {"input_patchnorm", "and normalized patches are not supported"},
  });
  if (tower.text("pool_type", "tok") != "tok") {
    tower.refuse("pool_type", "and only pooling by the class token is supported");
  }
  if (tower.text("pos_embed_type", "learnable") != "learnable") {
    tower.refuse("pos_embed_type", "and only learned position embeddings are supported");
  }
  apply_tower(tower, quick_gelu, vision);
  const std::vector<std::int64_t> image = tower.integers("image_size", 16384);
  if (image.size() > 2 || (image.size() == 2 && image[0] != image[1])) {
    tower.refuse("image_size", "and only square images are supported");
  }
  const std::int64_t size = image.empty() ? 224 : image[0];
  const std::int64_t width = tower.integer("width", 768, 1, kMaxSize);
  const std::int64_t head_width = tower.integer("head_width", 64, 1, kMaxSize);
  check_stated(checkpoint, kOpenClipConfig, "width of the image tower", width, vision->width);
  if (vision->kind == VisionKind::kResNet) {
    vision->heads = vision->width * 32 / head_width;
    check_stated(checkpoint, kOpenClipConfig, "image size", size, vision->image_size);
    return;
  }
  vision->heads = vision->width / head_width;
  check_stated(checkpoint, kOpenClipConfig, "patch size", tower.integer("patch_size", 16, 1, 16384),
               vision->patch_size);
  check_stated(checkpoint, kOpenClipConfig, "number of layers of the image tower",
               tower.integer("layers", 12, 1, 1000), vision->layers);
  if (size < vision->patch_size) tower.refuse("image_size", "less than a patch");
  vision->image_size = size;
}

void apply_text(const Checkpoint& checkpoint, const ConfigObject& tower, bool quick_gelu,
                TextConfig* text) {
  tower.refuse_all({
      {"hf_model_name", "a text tower of transformers', and these are not supported"},
      {"hf_tokenizer_name", "and only CLIP's own tokenizer is supported"},
      {"no_causal_mask", "and text towers that attend to the padding are not supported"},
      {"embed_cls", "and text towers with a class token are not supported"},
      {"proj_bias", "and projections with a bias are not supported"},
  });
  if (tower.text("pool_type", "argmax") != "argmax") {
    tower.refuse("pool_type", "and only pooling at the end of the text (argmax) is supported");
  }
  if (tower.text("proj_type", "linear") != "linear") {
    tower.refuse("proj_type", "and only a linear projection is supported");
  }
  if (tower.text("text_arch", "default") != "default") tower.refuse("text_arch", kTowers);
  const ConfigObject tokenizer = tower.object("tokenizer_kwargs");
  if (tokenizer.text("clean", "lower") != "lower") {
    tokenizer.refuse("clean", "and only CLIP's own way of cleaning texts is supported");
  }
  apply_tower(tower, quick_gelu, text);
  text->heads = tower.integer("heads", 8, 1, 4096);
  check_stated(checkpoint, kOpenClipConfig, "context length",
               tower.integer("context_length", 77, 1, kMaxSize), text->context_length);
  check_stated(checkpoint, kOpenClipConfig, "vocabulary size",
               tower.integer("vocab_size", 49408, 1, 1 << 30), text->vocab_size);
  check_stated(checkpoint, kOpenClipConfig, "width of the text tower",
               tower.integer("width", 512, 1, kMaxSize), text->width);
  check_stated(checkpoint, kOpenClipConfig, "number of layers of the text tower",
               tower.integer("layers", 12, 0, 1000), text->layers);
}

void apply_preprocessing(const ConfigObject& rule, Preprocessing* preprocessing) {
  preprocessing->mean = rule.channels("mean", preprocessing->mean, false);
  preprocessing->std = rule.channels("std", preprocessing->std, true);
  const std::string interpolation = rule.text("interpolation", "bicubic");
  if (interpolation == "bilinear") {
    preprocessing->interpolation = Interpolation::kBilinear;
  } else if (interpolation != "bicubic") {
    rule.refuse("interpolation", "and only bicubic and bilinear are supported");
  }
  const std::string resize = rule.text("resize_mode", "shortest");
  if (resize == "squash") {
    preprocessing->resize = ResizeMode::kSquash;
  } else if (resize == "longest") {
    preprocessing->resize = ResizeMode::kLongestSide;
    for (const std::int64_t fill : rule.integers("fill_color", 255)) {
      if (fill != 0) rule.refuse("fill_color", "and only 0, black, is supported");
    }
  } else if (resize != "shortest") {
    rule.refuse("resize_mode", "which is none of shortest, squash and longest");
  }
  if (rule.text("mode", "RGB") != "RGB") rule.refuse("mode", "and only RGB is supported");
}

}  // namespace

void apply_open_clip_config(const Checkpoint& checkpoint, ModelConfig* config) {
  const ConfigObject document(checkpoint, kOpenClipConfig);
  if (!document.has("model_cfg")) document.refuse("model_cfg", "and states no architecture");
  const ConfigObject model = document.object("model_cfg");
  model.refuse_all({
      {"multimodal_cfg", "a CoCa, and these are not supported"},
      {"init_logit_bias", "of SigLIP's loss, and such models are not supported"},
  });
  const bool quick_gelu = model.boolean("quick_gelu", false);
  check_stated(checkpoint, kOpenClipConfig, "embedding dimension",
               model.integer("embed_dim", config->embedding_dim, 1, kMaxSize),
               config->embedding_dim);
  apply_vision(checkpoint, model.object("vision_cfg"), quick_gelu, &config->vision);
  apply_text(checkpoint, model.object("text_cfg"), quick_gelu, &config->text);
  apply_preprocessing(document.object("preprocess_cfg"), &config->preprocessing);
}

}  // namespace clip
