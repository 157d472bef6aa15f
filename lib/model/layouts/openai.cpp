#include "model/layouts/openai.h"

#include <fmt/format.h>

#include <iterator>
#include <optional>

#include "base/strings.h"
#include "model/export_metadata.h"
#include "model/layouts/dimensions.h"
#include "model/layouts/open_clip_config.h"
#include "model/layouts/stated.h"

namespace clip {
namespace {

// Heads are 64 wide in every model that OpenAI published; configs may say otherwise.
constexpr std::int64_t kHeadWidth = 64;

// The text tower's weights stand at the root in OpenAI's files and in most of open_clip's, and
// under this in those that open_clip calls custom text models.
constexpr const char* kTextPrefix = "text.";

std::string text_prefix(const Checkpoint& checkpoint) {
  const bool custom = checkpoint.find("text.token_embedding.weight") != nullptr ||
                      checkpoint.find("text.positional_embedding") != nullptr;
  return custom ? kTextPrefix : "";
}

// A module is CLIP's when most of these are there; then what is missing is an error in the file.
bool has_landmarks(const Checkpoint& checkpoint) {
  const std::string text = text_prefix(checkpoint);
  const std::string landmarks[] = {"logit_scale",
                                   text + "ln_final.weight",
                                   text + "positional_embedding",
                                   text + "text_projection",
                                   text + "token_embedding.weight",
                                   text + "transformer.resblocks.0.ln_1.weight",
                                   "visual.conv1.weight"};
  int found = 0;
  for (const std::string& name : landmarks) found += checkpoint.find(name) != nullptr;
  return found >= 4;
}

bool matches(const Checkpoint& checkpoint) {
  return has_landmarks(checkpoint) && text_prefix(checkpoint).empty();
}

bool matches_custom_text(const Checkpoint& checkpoint) {
  return has_landmarks(checkpoint) && !text_prefix(checkpoint).empty();
}

// Tensors that a CLIP may carry beside its weights.
bool may_stand_beside(const std::string& name) {
  const std::string last = name.substr(name.rfind('.') + 1);
  return last == "input_resolution" || last == "context_length" || last == "vocab_size" ||
         last == "num_batches_tracked" || last == "attn_mask";
}

void read_text_dimensions(const Checkpoint& checkpoint, ModelConfig* config) {
  const std::string prefix = text_prefix(checkpoint);
  TextConfig& text = config->text;
  const char* shape = "[vocabulary, text width]";
  text.vocab_size = dimension(checkpoint, prefix + "token_embedding.weight", 0, 2, shape);
  text.width = dimension(checkpoint, prefix + "token_embedding.weight", 1, 2, shape);
  text.context_length =
      dimension(checkpoint, prefix + "positional_embedding", 0, 2, "[context length, text width]");
  text.layers = count_layers(checkpoint, prefix + "transformer.resblocks.");
  text.heads = text.width / kHeadWidth;
  text.mlp_width = text.layers == 0
                       ? 4 * text.width
                       : dimension(checkpoint, prefix + "transformer.resblocks.0.mlp.c_fc.weight",
                                   0, 2, "[MLP width, text width]");
  config->embedding_dim =
      dimension(checkpoint, prefix + "text_projection", 1, 2, "[text width, embedding dimension]");
}

void read_vision_dimensions(const Checkpoint& checkpoint, VisionConfig* vision) {
  if (count_layers(checkpoint, "visual.layer1.") > 0) {
    vision->kind = VisionKind::kResNet;
    vision->width =
        dimension(checkpoint, "visual.layer1.0.conv1.weight", 0, 4, "[width, width, 1, 1]");
    for (std::size_t stage = 0; stage < vision->stages.size(); ++stage) {
      vision->stages[stage] = count_layers(checkpoint, fmt::format("visual.layer{}.", stage + 1));
    }
    vision->heads = vision->width * 32 / kHeadWidth;
    // The stem halves the image twice, each later stage once: 32 pixels a cell.
    vision->image_size = 32 * grid_side(checkpoint, "visual.attnpool.positional_embedding");
  } else {
    vision->kind = VisionKind::kTransformer;
    const char* shape = "[vision width, 3, patch, patch]";
    vision->width = dimension(checkpoint, "visual.conv1.weight", 0, 4, shape);
    vision->patch_size = dimension(checkpoint, "visual.conv1.weight", 2, 4, shape);
    vision->layers = count_layers(checkpoint, "visual.transformer.resblocks.");
    vision->heads = vision->width / kHeadWidth;
    vision->mlp_width =
        vision->layers == 0
            ? 4 * vision->width
            : dimension(checkpoint, "visual.transformer.resblocks.0.mlp.c_fc.weight", 0, 2,
                        "[MLP width, vision width]");
    vision->image_size = vision->patch_size * grid_side(checkpoint, "visual.positional_embedding");
  }
}

// The buffers of published files repeat what the weights say; they must agree.
void check_buffers(const Checkpoint& checkpoint, const ModelConfig& config) {
  const auto check = [&](const char* what, const char* buffer, std::int64_t found) {
    if (checkpoint.find(buffer) == nullptr) return;
    check_stated(checkpoint, buffer, what, checkpoint.integer(buffer), found);
  };
  check("image size", "input_resolution", config.vision.image_size);
  check("context length", "context_length", config.text.context_length);
  check("vocabulary size", "vocab_size", config.text.vocab_size);
}

// An export of ours states everything in clip.json; OpenAI's own state nothing, and all have the
// same activation, heads and preprocessing.
void apply_export(const Checkpoint& checkpoint, const OpenOptions& options, ModelConfig* config) {
  const ExportMetadata metadata = read_export_metadata(checkpoint);
  apply_metadata(metadata, config);
  if (!metadata.activation && options.assumed_activation) {
    config->vision.activation = config->text.activation = *options.assumed_activation;
  }
  config->vision.heads = metadata.vision_heads.value_or(config->vision.heads);
  config->text.heads = metadata.text_heads.value_or(config->text.heads);
  const auto check = [&](const char* what, const std::optional<std::int64_t>& stated,
                         std::int64_t found) {
    if (stated) check_stated(checkpoint, "clip.json", what, *stated, found);
  };
  check("image size", metadata.image_size, config->vision.image_size);
  check("context length", metadata.context_length, config->text.context_length);
  check("vocabulary size", metadata.vocab_size, config->text.vocab_size);
  check("embedding dimension", metadata.embedding_dim, config->embedding_dim);
}

ModelConfig read_config(const Checkpoint& checkpoint, const OpenOptions& options) {
  ModelConfig config;
  read_text_dimensions(checkpoint, &config);
  read_vision_dimensions(checkpoint, &config.vision);
  check_buffers(checkpoint, config);
  if (checkpoint.documents().count(kOpenClipConfig) > 0) {
    apply_open_clip_config(checkpoint, &config);
    if (!options.architecture.empty()) check_architecture(checkpoint, options, config);
  } else if (!options.architecture.empty()) {
    apply_architecture(checkpoint, options.architecture, &config);
  } else if (checkpoint.has_code()) {
    apply_export(checkpoint, options, &config);
  } else if (options.known) {
    apply_architecture(checkpoint, options.known->architecture, &config);
    config.preprocessing = options.known->preprocessing;
  } else {
    refuse_without_config(checkpoint, kOpenClipConfig);
  }
  read_logit_scale(checkpoint, &config);
  return config;
}

constexpr auto kTransposed = StoredView::kTransposed;
constexpr auto kQuery = StoredView::kFirstThird;
constexpr auto kKey = StoredView::kSecondThird;
constexpr auto kValue = StoredView::kLastThird;

const LayoutRow kRows[] = {
    {"logit_scale", "logit_scale"},

    {"text.token_embedding", "token_embedding.weight"},
    {"text.position_embedding", "positional_embedding"},
    {"text.norm_final.weight", "ln_final.weight"},
    {"text.norm_final.bias", "ln_final.bias"},
    {"text.projection.weight", "text_projection", kTransposed},
    {"text.blocks.{}.norm_1.weight", "transformer.resblocks.{}.ln_1.weight"},
    {"text.blocks.{}.norm_1.bias", "transformer.resblocks.{}.ln_1.bias"},
    {"text.blocks.{}.attention.query.weight", "transformer.resblocks.{}.attn.in_proj_weight",
     kQuery},
    {"text.blocks.{}.attention.query.bias", "transformer.resblocks.{}.attn.in_proj_bias", kQuery},
    {"text.blocks.{}.attention.key.weight", "transformer.resblocks.{}.attn.in_proj_weight", kKey},
    {"text.blocks.{}.attention.key.bias", "transformer.resblocks.{}.attn.in_proj_bias", kKey},
    {"text.blocks.{}.attention.value.weight", "transformer.resblocks.{}.attn.in_proj_weight",
     kValue},
    {"text.blocks.{}.attention.value.bias", "transformer.resblocks.{}.attn.in_proj_bias", kValue},
    {"text.blocks.{}.attention.output.weight", "transformer.resblocks.{}.attn.out_proj.weight"},
    {"text.blocks.{}.attention.output.bias", "transformer.resblocks.{}.attn.out_proj.bias"},
    {"text.blocks.{}.norm_2.weight", "transformer.resblocks.{}.ln_2.weight"},
    {"text.blocks.{}.norm_2.bias", "transformer.resblocks.{}.ln_2.bias"},
    {"text.blocks.{}.mlp.up.weight", "transformer.resblocks.{}.mlp.c_fc.weight"},
    {"text.blocks.{}.mlp.up.bias", "transformer.resblocks.{}.mlp.c_fc.bias"},
    {"text.blocks.{}.mlp.down.weight", "transformer.resblocks.{}.mlp.c_proj.weight"},
    {"text.blocks.{}.mlp.down.bias", "transformer.resblocks.{}.mlp.c_proj.bias"},

    {"image.patch_embedding.weight", "visual.conv1.weight"},
    {"image.class_embedding", "visual.class_embedding"},
    {"image.position_embedding", "visual.positional_embedding"},
    {"image.norm_pre.weight", "visual.ln_pre.weight"},
    {"image.norm_pre.bias", "visual.ln_pre.bias"},
    {"image.norm_post.weight", "visual.ln_post.weight"},
    {"image.norm_post.bias", "visual.ln_post.bias"},
    {"image.projection.weight", "visual.proj", kTransposed},
    {"image.blocks.{}.norm_1.weight", "visual.transformer.resblocks.{}.ln_1.weight"},
    {"image.blocks.{}.norm_1.bias", "visual.transformer.resblocks.{}.ln_1.bias"},
    {"image.blocks.{}.attention.query.weight",
     "visual.transformer.resblocks.{}.attn.in_proj_weight", kQuery},
    {"image.blocks.{}.attention.query.bias", "visual.transformer.resblocks.{}.attn.in_proj_bias",
     kQuery},
    {"image.blocks.{}.attention.key.weight", "visual.transformer.resblocks.{}.attn.in_proj_weight",
     kKey},
    {"image.blocks.{}.attention.key.bias", "visual.transformer.resblocks.{}.attn.in_proj_bias",
     kKey},
    {"image.blocks.{}.attention.value.weight",
     "visual.transformer.resblocks.{}.attn.in_proj_weight", kValue},
    {"image.blocks.{}.attention.value.bias", "visual.transformer.resblocks.{}.attn.in_proj_bias",
     kValue},
    {"image.blocks.{}.attention.output.weight",
     "visual.transformer.resblocks.{}.attn.out_proj.weight"},
    {"image.blocks.{}.attention.output.bias", "visual.transformer.resblocks.{}.attn.out_proj.bias"},
    {"image.blocks.{}.norm_2.weight", "visual.transformer.resblocks.{}.ln_2.weight"},
    {"image.blocks.{}.norm_2.bias", "visual.transformer.resblocks.{}.ln_2.bias"},
    {"image.blocks.{}.mlp.up.weight", "visual.transformer.resblocks.{}.mlp.c_fc.weight"},
    {"image.blocks.{}.mlp.up.bias", "visual.transformer.resblocks.{}.mlp.c_fc.bias"},
    {"image.blocks.{}.mlp.down.weight", "visual.transformer.resblocks.{}.mlp.c_proj.weight"},
    {"image.blocks.{}.mlp.down.bias", "visual.transformer.resblocks.{}.mlp.c_proj.bias"},

    {"image.stem.{}.conv.weight", "visual.conv{}.weight"},
    {"image.stem.{}.norm.weight", "visual.bn{}.weight"},
    {"image.stem.{}.norm.bias", "visual.bn{}.bias"},
    {"image.stem.{}.norm.mean", "visual.bn{}.running_mean"},
    {"image.stem.{}.norm.variance", "visual.bn{}.running_var"},
    {"image.stages.{}.{}.conv_{}.weight", "visual.layer{}.{}.conv{}.weight"},
    {"image.stages.{}.{}.norm_{}.weight", "visual.layer{}.{}.bn{}.weight"},
    {"image.stages.{}.{}.norm_{}.bias", "visual.layer{}.{}.bn{}.bias"},
    {"image.stages.{}.{}.norm_{}.mean", "visual.layer{}.{}.bn{}.running_mean"},
    {"image.stages.{}.{}.norm_{}.variance", "visual.layer{}.{}.bn{}.running_var"},
    {"image.stages.{}.{}.shortcut_conv.weight", "visual.layer{}.{}.downsample.0.weight"},
    {"image.stages.{}.{}.shortcut_norm.weight", "visual.layer{}.{}.downsample.1.weight"},
    {"image.stages.{}.{}.shortcut_norm.bias", "visual.layer{}.{}.downsample.1.bias"},
    {"image.stages.{}.{}.shortcut_norm.mean", "visual.layer{}.{}.downsample.1.running_mean"},
    {"image.stages.{}.{}.shortcut_norm.variance", "visual.layer{}.{}.downsample.1.running_var"},
    {"image.pool.position_embedding", "visual.attnpool.positional_embedding"},
    {"image.pool.query.weight", "visual.attnpool.q_proj.weight"},
    {"image.pool.query.bias", "visual.attnpool.q_proj.bias"},
    {"image.pool.key.weight", "visual.attnpool.k_proj.weight"},
    {"image.pool.key.bias", "visual.attnpool.k_proj.bias"},
    {"image.pool.value.weight", "visual.attnpool.v_proj.weight"},
    {"image.pool.value.bias", "visual.attnpool.v_proj.bias"},
    {"image.pool.output.weight", "visual.attnpool.c_proj.weight"},
    {"image.pool.output.bias", "visual.attnpool.c_proj.bias"},
};

}  // namespace

Layout openai_layout() {
  return {"openai", matches, read_config, {std::begin(kRows), std::end(kRows)}, may_stand_beside};
}

Layout custom_text_layout() {
  std::vector<LayoutRow> rows(std::begin(kRows), std::end(kRows));
  for (LayoutRow& row : rows) {
    if (starts_with(row.canonical, "text.")) row.stored = kTextPrefix + row.stored;
  }
  return {"open_clip_custom_text", matches_custom_text, read_config, rows, may_stand_beside};
}

}  // namespace clip
