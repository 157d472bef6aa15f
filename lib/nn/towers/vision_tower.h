// The Vision Transformer (Dosovitskiy et al., 2020) as CLIP has it: patches as tokens, a class
// token, a norm before the transformer, and a projection of the class token behind it.
#pragma once

#include <memory>
#include <vector>

#include "clip/model_config.h"
#include "nn/towers/image_tower.h"
#include "nn/transformer.h"

namespace clip {

class VisionTower : public ImageTower {
 public:
  VisionTower(Loader* loader, const ModelConfig& config);

  std::int64_t max_images() const override { return max_images_; }
  void encode(const float* pixels, std::int64_t count, float* embeddings) override;
  std::int64_t patch_grid() const override { return grid_; }
  void encode_without_patches(const float* pixels, float* embeddings) override;

 private:
  // Memory for the activations of some images, in an arena of its own.
  struct Scratch {
    // `outputs`: embeddings that are made of them.
    Scratch(std::int64_t images, std::int64_t outputs, std::int64_t tokens,
            const TransformerConfig& config, std::int64_t patch_size, LayerTypes types);

    std::int64_t images, outputs;
    Arena arena;
    TransformerScratch transformer;
    Rows patches, x, pooled;
  };

  // Makes room for `images` images, of which `outputs` embeddings are made: most runs have a few,
  // and never touch memory for more.
  void reserve(std::int64_t images, std::int64_t outputs);
  // `embeddings`: [wanted, D], of these tokens; `last`: what each of them attends to in the last
  // block.
  void run(const float* pixels, std::int64_t count, const std::vector<std::int32_t>& wanted,
           const AttendedRows& last, float* embeddings);
  void cut_patches(const float* pixels, std::int64_t count) const;

  std::int64_t image_size_, patch_, grid_, tokens_, width_;
  TransformerConfig config_;
  std::int64_t embedding_dim_, max_images_;
  Linear patch_embedding_;
  std::vector<float> position_;  // [tokens, width], the class embedding added to the first
  LayerNorm norm_pre_;
  Transformer transformer_;
  LayerNorm norm_post_;
  Linear projection_;

  std::unique_ptr<AttentionProduct> attention_;
  LayerTypes types_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace clip
