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
};

}  // namespace clip
