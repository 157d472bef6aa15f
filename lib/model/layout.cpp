#include "model/layout.h"

#include <fmt/format.h>

namespace clip {
namespace {

class Layout {
 public:
  explicit Layout(std::vector<ExpectedWeight>* weights) : weights_(*weights) {}

  void add(const std::string& name, Shape shape) { weights_.push_back({name, std::move(shape)}); }

  void add_linear(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }

  void add_layer_norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }

  void add_batch_norm(const std::string& name, std::int64_t channels) {
    for (const char* part : {".weight", ".bias", ".running_mean", ".running_var"}) {
      add(name + part, {channels});
    }
  }

  void add_convolution(const std::string& name, std::int64_t out, std::int64_t in,
                       std::int64_t side) {
    add(name + ".weight", {out, in, side, side});
  }

  void add_transformer(const std::string& name, std::int64_t width, std::int64_t layers) {
    for (std::int64_t i = 0; i < layers; ++i) {
      const std::string block = fmt::format("{}.resblocks.{}", name, i);
      add_layer_norm(block + ".ln_1", width);
      add(block + ".attn.in_proj_weight", {3 * width, width});
      add(block + ".attn.in_proj_bias", {3 * width});
      add_linear(block + ".attn.out_proj", width, width);
      add_layer_norm(block + ".ln_2", width);
      add_linear(block + ".mlp.c_fc", 4 * width, width);
      add_linear(block + ".mlp.c_proj", width, 4 * width);
    }
  }

 private:
  std::vector<ExpectedWeight>& weights_;
};

void add_text_tower(Layout* layout, const ModelConfig& config) {
  const TextConfig& text = config.text;
  layout->add("token_embedding.weight", {text.vocab_size, text.width});
  layout->add("positional_embedding", {text.context_length, text.width});
  layout->add_transformer("transformer", text.width, text.layers);
  layout->add_layer_norm("ln_final", text.width);
  layout->add("text_projection", {text.width, config.embedding_dim});
}

void add_vision_transformer(Layout* layout, const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  const std::int64_t grid = vision.image_size / vision.patch_size;
  layout->add_convolution("visual.conv1", vision.width, 3, vision.patch_size);
  layout->add("visual.class_embedding", {vision.width});
  layout->add("visual.positional_embedding", {grid * grid + 1, vision.width});
  layout->add_layer_norm("visual.ln_pre", vision.width);
  layout->add_transformer("visual.transformer", vision.width, vision.layers);
  layout->add_layer_norm("visual.ln_post", vision.width);
  layout->add("visual.proj", {vision.width, config.embedding_dim});
}

// A bottleneck block: 1x1, 3x3, 1x1 to four times the planes; the first block of a stage also has a
// projection of its input.
void add_bottleneck(Layout* layout, const std::string& block, std::int64_t in,
                    std::int64_t planes) {
  const std::int64_t out = 4 * planes;
  layout->add_convolution(block + ".conv1", planes, in, 1);
  layout->add_batch_norm(block + ".bn1", planes);
  layout->add_convolution(block + ".conv2", planes, planes, 3);
  layout->add_batch_norm(block + ".bn2", planes);
  layout->add_convolution(block + ".conv3", out, planes, 1);
  layout->add_batch_norm(block + ".bn3", out);
}

void add_resnet(Layout* layout, const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  const std::int64_t width = vision.width;
  layout->add_convolution("visual.conv1", width / 2, 3, 3);
  layout->add_batch_norm("visual.bn1", width / 2);
  layout->add_convolution("visual.conv2", width / 2, width / 2, 3);
  layout->add_batch_norm("visual.bn2", width / 2);
  layout->add_convolution("visual.conv3", width, width / 2, 3);
  layout->add_batch_norm("visual.bn3", width);
  std::int64_t in = width;
  for (std::size_t stage = 0; stage < vision.stages.size(); ++stage) {
    const std::int64_t planes = width << stage;
    for (std::int64_t i = 0; i < vision.stages[stage]; ++i) {
      const std::string block = fmt::format("visual.layer{}.{}", stage + 1, i);
      add_bottleneck(layout, block, in, planes);
      if (i == 0) {
        layout->add_convolution(block + ".downsample.0", 4 * planes, in, 1);
        layout->add_batch_norm(block + ".downsample.1", 4 * planes);
      }
      in = 4 * planes;
    }
  }
  const std::int64_t grid = vision.image_size / 32;
  layout->add("visual.attnpool.positional_embedding", {grid * grid + 1, in});
  for (const char* projection : {"q_proj", "k_proj", "v_proj"}) {
    layout->add_linear(fmt::format("visual.attnpool.{}", projection), in, in);
  }
  layout->add_linear("visual.attnpool.c_proj", config.embedding_dim, in);
}

}  // namespace

std::vector<ExpectedWeight> expected_weights(const ModelConfig& config) {
  std::vector<ExpectedWeight> weights;
  Layout layout(&weights);
  if (config.vision.kind == VisionKind::kTransformer) {
    add_vision_transformer(&layout, config);
  } else {
    add_resnet(&layout, config);
  }
  add_text_tower(&layout, config);
  layout.add("logit_scale", {});
  return weights;
}

}  // namespace clip
