// The matrix products of a model's towers and nothing else, as a lower bound for the time of an
// encoder: in the same library, on weights packed beforehand, every layer with weights of its own.
// All positions up to the end of each prompt count, and all layers in full, whatever an encoder
// knows to leave out. A 3x3 convolution counts as the product of the same size.
#pragma once

#include <cstdint>
#include <memory>

#include "clip/model.h"
#include "clip/precision.h"

namespace clip {

class GemmBaseline {
 public:
  enum class Tower { kImages, kTexts };

  // Of `count` images, or of `count` prompts of `length` tokens each. Uses the threads that the
  // process has been set to. The model must be recognised.
  GemmBaseline(const Model& model, Precision precision, Tower tower, std::int64_t count,
               std::int64_t length = 0);
  ~GemmBaseline();

  void run();                 // all products once
  double operations() const;  // multiplications and additions in one run

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace clip
