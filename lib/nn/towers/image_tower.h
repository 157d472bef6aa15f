// A tower that turns images into embeddings; the two kinds are VisionTower and ResNetTower.
#pragma once

#include <cstdint>

namespace clip {

class ImageTower {
 public:
  virtual ~ImageTower() = default;

  // Images it takes at once.
  virtual std::int64_t max_images() const = 0;

  // `pixels`: [count, 3, n, n], normalized, count at most max_images(). `embeddings`: [count, D].
  virtual void encode(const float* pixels, std::int64_t count, float* embeddings) = 0;

  // Patches a side of the square grid that a ViT cuts images into; 0: it cuts none.
  virtual std::int64_t patch_grid() const { return 0; }

  // Of a tower that cuts patches. `pixels`: [3, n, n], of one image. `embeddings`: [1 + grid^2, D]:
  // the image's, and then, for each patch row by row, what it is where the class token does not
  // attend to that patch in the last block.
  virtual void encode_without_patches(const float* /*pixels*/, float* /*embeddings*/) {}
};

}  // namespace clip
