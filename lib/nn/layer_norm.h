// Layer normalization: every row to mean 0 and variance 1, then scaled and shifted (Ba et al.,
// 2016), epsilon added to the variance. Sums in float32; each row is read from memory once.
#pragma once

#include <string>
#include <vector>

#include "nn/loader.h"
#include "nn/rows.h"

namespace clip {

class LayerNorm {
 public:
  // "<scope>.weight" and "<scope>.bias", [width] each.
  LayerNorm(Loader* loader, const std::string& scope, float epsilon);

  // `in`: [count, width] float32; `out`: the same shape, in float32 or bfloat16; they may be one.
  void operator()(const Rows& in, const Rows& out) const;

  // Without scale and shift, `out` in int8: the next product has them in its weights (fold_into),
  // so that channels of large scale do not take the range of the others.
  void normalize_to_int8(const Rows& in, const Rows& out) const;
  // Makes of W and b, of the product behind this norm, those behind normalize_to_int8:
  // W (w x + b') + b = (W w) x + (W b' + b). `weight`: [outputs, width]; `bias`: [outputs].
  void fold_into(float* weight, std::vector<float>* bias) const;

 private:
  std::vector<float> weight_, bias_;
  float epsilon_;
};

}  // namespace clip
