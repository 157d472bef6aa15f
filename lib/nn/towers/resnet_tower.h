// CLIP's ModifiedResNet: a stem of three convolutions, bottleneck blocks that stride by averaging,
// and attention pooling. Images lie pixel by pixel, so that 1x1 convolutions are linear layers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clip/model_config.h"
#include "nn/attention.h"
#include "nn/convolution.h"
#include "nn/linear.h"
#include "nn/towers/image_tower.h"

namespace clip {

class ResNetTower : public ImageTower {
 public:
  ResNetTower(Loader* loader, const ModelConfig& config);

  std::int64_t max_images() const override { return max_images_; }
  void encode(const float* pixels, std::int64_t count, float* embeddings) override;

 private:
  struct Bottleneck {
    Linear conv1;       // 1x1, then ReLU
    Convolution conv2;  // 3x3, then ReLU
    std::int64_t stride;
    Linear conv3;                    // 1x1, added to the shortcut, then ReLU
    std::optional<Linear> shortcut;  // where its shape changes
  };

  Bottleneck load_bottleneck(Loader* loader, const std::string& scope, std::int64_t side,
                             std::int64_t stride) const;
  Rows view(int buffer, std::int64_t rows, std::int64_t width) const;
  void pool(const Rows& in, std::int64_t images, std::int64_t side, const Rows& out) const;
  // The feature map in the first buffer, [count * side * side, channels], and its side.
  Rows encode_map(const float* pixels, std::int64_t count, std::int64_t* side);
  void attention_pool(const Rows& map, std::int64_t count, std::int64_t cells, float* embeddings);

  std::int64_t image_size_, heads_, embedding_dim_, max_images_;
  ElementType type_;
  std::vector<Convolution> stem_;
  std::vector<Bottleneck> blocks_;
  std::vector<float> position_;  // [cells + 1, channels]
  Linear q_proj_, k_proj_, v_proj_, c_proj_;

  // Each as large as the largest map: the current one, and what a block makes of it.
  static constexpr int kBuffers = 4;
  Rows buffers_[kBuffers];
  Rows tokens_, keys_, values_, means_, queries_, pooled_;
};

}  // namespace clip
