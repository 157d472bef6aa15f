// What an image encoder may have besides (dynamic_cast from ImageEncoder): a Vision Transformer's
// can leave patches of the image out. The native engine's are such encoders.
#pragma once

#include <cstdint>

#include "clip/embeddings.h"

namespace clip {

class PatchEncoder {
 public:
  virtual ~PatchEncoder() = default;

  // Patches a side of the square grid that images are cut into; 0: they are not, as by a ResNet.
  virtual std::int64_t patch_grid() const = 0;

  // `pixels`: as ImageEncoder::encode has them, of one image. [1 + grid^2, dim]: its embedding, and
  // then, for each patch row by row, the embedding where the class token does not attend to that
  // patch in the last block; all of one pass. Not where patch_grid() is 0.
  virtual Embeddings encode_without_patches(const float* pixels) = 0;
};

}  // namespace clip
