// What an encoder is measured against: the matrix products of a model's towers and nothing else,
// in the same library, on weights packed beforehand, every layer with weights of its own. All
// positions up to the end of each prompt count, and all layers in full, whatever an encoder knows
// to leave out. A 3x3 convolution counts as the product of the same size.
#pragma once

#include <cstdint>
#include <memory>

#include "model/model_file.h"
#include "nn/precision.h"

namespace clip {

class Yardstick {
 public:
  enum class Tower { kImages, kTexts };

  // Of `count` pictures, or of `count` prompts of `length` tokens each. Uses the threads that the
  // process has been set to. The model must be recognised.
  Yardstick(const ModelFile& model, Precision precision, Tower tower, std::int64_t count,
            std::int64_t length = 0);
  ~Yardstick();

  void run();                 // all products once
  double operations() const;  // multiplications and additions in one run

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace clip
