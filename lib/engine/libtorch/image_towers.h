// CLIP's image towers in LibTorch's operators: the ViT and the ModifiedResNet.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "clip/model_config.h"
#include "libtorch/layers.h"

namespace clip::libtorch {

class ImageTower {
 public:
  virtual ~ImageTower() = default;

  // `pixels`: [n, 3, size, size] float32, on the tower's device -> embeddings [n, D], float32.
  virtual at::Tensor operator()(const at::Tensor& pixels) const = 0;

  // Images at once that keep the device busy, in bounded memory.
  virtual std::int64_t max_images() const = 0;
};

// `config` is of a known vision kind.
std::unique_ptr<ImageTower> read_image_tower(WeightReader* reader, const ModelConfig& config,
                                             at::Device device);

}  // namespace clip::libtorch
