// A linear layer: y = x W^T + b, with what follows it fused in. Weights are packed once, when the
// layer is built, into the layout that the backend's kernels read; products of a number of rows
// that has been seen before build nothing. Calls on one layer must not overlap.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "nn/backend.h"
#include "nn/loader.h"
#include "nn/rows.h"

namespace clip {

class Linear {
 public:
  // `weight`: [outputs, inputs] row-major; `bias`: [outputs], or empty for none. Of the loader's
  // types, by its backend.
  Linear(Loader* loader, const float* weight, std::vector<float> bias, std::int64_t outputs,
         std::int64_t inputs, Epilogue epilogue);
  // The same of weights that are only read where they are not packed already: `weight` gives W, and
  // sets b, which is empty before.
  Linear(Loader* loader, std::function<const float*(std::vector<float>* bias)> weight,
         bool with_bias, std::int64_t outputs, std::int64_t inputs, Epilogue epilogue);

  // The layer `scope`: "<scope>.weight" [outputs, inputs] and "<scope>.bias" [outputs].
  static Linear load(Loader* loader, const std::string& scope, Epilogue epilogue);
  // The projection `scope`: "<scope>.weight" [outputs, inputs] without bias, in float32.
  static Linear load_projection(Loader* loader, const std::string& scope);

  // `in`: [count, inputs] of the loader's type of activations, in int8 where its weights are;
  // `out`: [count, outputs] of any type that the backend has.
  void operator()(const Rows& in, const Rows& out) const {
    if (in.count > 0) product_->run(in, out);
  }

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }

 private:
  std::int64_t outputs_, inputs_;
  std::unique_ptr<MatMul> product_;
};

}  // namespace clip
