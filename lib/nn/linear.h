// A linear layer: y = x W^T + b, with what follows it fused in. Weights are packed once, when the
// layer is built, into the layout that the processor's matrix kernels read; products of a number of
// rows that has been seen before build nothing. Calls on one layer must not overlap.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nn/loader.h"
#include "nn/rows.h"

namespace clip {

// What is done to the product before it is written.
enum class Epilogue {
  kNone,
  kQuickGelu,  // x * sigmoid(1.702 x)
  kGelu,       // x * Phi(x), exact
  kGeluTanh,   // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kRelu,
  kAdd,      // added to what the output holds: the residual connection
  kAddRelu,  // the same, then ReLU
};

// True where the processor multiplies bfloat16 by itself; elsewhere towers compute in float32.
bool has_fast_bfloat16();

class Linear {
 public:
  // `weight`: [outputs, inputs] row-major; `bias`: [outputs], or empty for none. Packed in the
  // loader's precision and arena.
  Linear(Loader* loader, const float* weight, std::vector<float> bias, std::int64_t outputs,
         std::int64_t inputs, Epilogue epilogue);
  ~Linear();
  Linear(Linear&&) noexcept;

  // The layer `scope`: "<scope>.weight" [outputs, inputs] and "<scope>.bias" [outputs].
  static Linear load(Loader* loader, const std::string& scope, Epilogue epilogue);
  // The projection `scope`: "<scope>.weight" [outputs, inputs] without bias, in float32.
  static Linear load_projection(Loader* loader, const std::string& scope);

  // `in`: [count, inputs] in the loader's precision; `out`: [count, outputs] in either.
  void operator()(const Rows& in, const Rows& out) const;

  std::int64_t outputs() const { return outputs_; }
  std::int64_t inputs() const { return inputs_; }

 private:
  struct Packed;  // hides the library's types
  std::int64_t outputs_, inputs_;
  Epilogue epilogue_;
  std::unique_ptr<Packed> packed_;
};

}  // namespace clip
