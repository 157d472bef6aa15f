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

  // `in`: [count, width] float32; `out`: the same shape, in either precision; they may be one.
  void operator()(const Rows& in, const Rows& out) const;

 private:
  std::vector<float> weight_, bias_;
  float epsilon_;
};

}  // namespace clip
