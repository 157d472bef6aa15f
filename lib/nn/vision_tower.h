// The Vision Transformer (Dosovitskiy et al., 2020) as CLIP has it: patches as tokens, a class
// token, a norm before the transformer, and a projection of the class token behind it.
#pragma once

#include <vector>

#include "model/config.h"
#include "nn/image_tower.h"
#include "nn/transformer.h"

namespace clip {

class VisionTower : public ImageTower {
 public:
  VisionTower(Loader* loader, const ModelConfig& config);

  std::int64_t most_images() const override { return most_images_; }
  void encode(const float* pixels, std::int64_t count, float* embeddings) override;

 private:
  void cut_patches(const float* pixels, std::int64_t count) const;

  std::int64_t image_size_, patch_, grid_, tokens_, width_, embedding_dim_, most_images_;
  Linear patch_embedding_;
  std::vector<float> position_;  // [tokens, width], the class embedding added to the first
  LayerNorm ln_pre_;
  Transformer transformer_;
  LayerNorm ln_post_;
  Linear projection_;

  TransformerScratch scratch_;
  PictureAttention attention_;
  Rows patches_, x_, pooled_;
};

}  // namespace clip
