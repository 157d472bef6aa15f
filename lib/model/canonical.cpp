#include "model/canonical.h"

#include <fmt/format.h>

#include <utility>

namespace clip {
namespace {

class List {
 public:
  void add(const std::string& name, Shape shape) { weights_.push_back({name, std::move(shape)}); }

  void add_norm(const std::string& name, std::int64_t width) {
    add(name + ".weight", {width});
    add(name + ".bias", {width});
  }

  void add_batch_norm(const std::string& name, std::int64_t width) {
    add_norm(name, width);
    add(name + ".mean", {width});
    add(name + ".variance", {width});
  }

  void add_linear(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  }

  void add_convolution(const std::string& name, std::int64_t out, std::int64_t in,
                       std::int64_t side) {
    add(name + ".weight", {out, in, side, side});
  }

  void add_blocks(const std::string& tower, const TransformerConfig& config) {
    const std::int64_t width = config.width;
    for (std::int64_t i = 0; i < config.layers; ++i) {
      const std::string block = fmt::format("{}.blocks.{}", tower, i);
      add_norm(block + ".norm_1", width);
      for (const char* part : {"query", "key", "value", "output"}) {
        add_linear(fmt::format("{}.attention.{}", block, part), width, width);
      }
      add_norm(block + ".norm_2", width);
      add_linear(block + ".mlp.up", config.mlp_width, width);
      add_linear(block + ".mlp.down", width, config.mlp_width);
    }
  }

  std::vector<CanonicalWeight> take() { return std::move(weights_); }

 private:
  std::vector<CanonicalWeight> weights_;
};

void add_text_tower(List* list, const ModelConfig& config) {
  const TextConfig& text = config.text;
  list->add("text.token_embedding", {text.vocab_size, text.width});
  list->add("text.position_embedding", {text.context_length, text.width});
  list->add_blocks("text", text);
  list->add_norm("text.norm_final", text.width);
  list->add("text.projection.weight", {config.embedding_dim, text.width});
}

void add_vision_transformer(List* list, const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  const std::int64_t grid = vision.image_size / vision.patch_size;
  list->add_convolution("image.patch_embedding", vision.width, 3, vision.patch_size);
  list->add("image.class_embedding", {vision.width});
  list->add("image.position_embedding", {grid * grid + 1, vision.width});
  list->add_norm("image.norm_pre", vision.width);
  list->add_blocks("image", vision);
  list->add_norm("image.norm_post", vision.width);
  list->add("image.projection.weight", {config.embedding_dim, vision.width});
}

// A bottleneck block: 1x1, 3x3, 1x1 to four times the planes; the first block of a stage also has a
// projection of its input.
void add_bottleneck(List* list, const std::string& block, std::int64_t in, std::int64_t planes) {
  const std::int64_t out = 4 * planes;
  list->add_convolution(block + ".conv_1", planes, in, 1);
  list->add_batch_norm(block + ".norm_1", planes);
  list->add_convolution(block + ".conv_2", planes, planes, 3);
  list->add_batch_norm(block + ".norm_2", planes);
  list->add_convolution(block + ".conv_3", out, planes, 1);
  list->add_batch_norm(block + ".norm_3", out);
}

void add_resnet(List* list, const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  const std::int64_t width = vision.width;
  const std::int64_t stem[] = {3, width / 2, width / 2, width};
  for (int i = 1; i <= 3; ++i) {
    const std::string layer = fmt::format("image.stem.{}", i);
    list->add_convolution(layer + ".conv", stem[i], stem[i - 1], 3);
    list->add_batch_norm(layer + ".norm", stem[i]);
  }
  std::int64_t in = width;
  for (std::size_t stage = 0; stage < vision.stages.size(); ++stage) {
    const std::int64_t planes = width << stage;
    for (std::int64_t i = 0; i < vision.stages[stage]; ++i) {
      const std::string block = fmt::format("image.stages.{}.{}", stage + 1, i);
      add_bottleneck(list, block, in, planes);
      if (i == 0) {
        list->add_convolution(block + ".shortcut_conv", 4 * planes, in, 1);
        list->add_batch_norm(block + ".shortcut_norm", 4 * planes);
      }
      in = 4 * planes;
    }
  }
  const std::int64_t grid = vision.image_size / 32;
  list->add("image.pool.position_embedding", {grid * grid + 1, in});
  for (const char* part : {"query", "key", "value"}) {
    list->add_linear(fmt::format("image.pool.{}", part), in, in);
  }
  list->add_linear("image.pool.output", config.embedding_dim, in);
}

}  // namespace

std::vector<CanonicalWeight> canonical_weights(const ModelConfig& config) {
  List list;
  if (config.vision.kind == VisionKind::kTransformer) {
    add_vision_transformer(&list, config);
  } else {
    add_resnet(&list, config);
  }
  add_text_tower(&list, config);
  list.add("logit_scale", {});
  return list.take();
}

}  // namespace clip
