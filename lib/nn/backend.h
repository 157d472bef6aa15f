// What computes the products of towers: a library, or our own code where there is none. A backend
// is a folder in nn/backends, and is chosen when a model is opened; layers call it by this
// interface.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clip/precision.h"
#include "nn/element_type.h"
#include "nn/rows.h"

namespace clip {

class Arena;
class PackedWeights;

// What is done to a product before it is written.
enum class Epilogue {
  kNone,
  kQuickGelu,  // x * sigmoid(1.702 x)
  kGelu,       // x * Phi(x), exact
  kGeluTanh,   // x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
  kRelu,
  kAdd,      // added to what the output holds: the residual connection
  kAddRelu,  // the same, then ReLU
};

// A product y = epilogue(x W^T + b) that a backend is asked for.
struct ProductSpec {
  std::int64_t outputs = 0, inputs = 0;
  Epilogue epilogue = Epilogue::kNone;
  LayerTypes types;
  // W, [outputs, inputs] row-major, and b, [outputs], or empty for none. Called at most once, and
  // not at all where packed weights are there already; W may be overwritten by the next product's.
  std::function<const float*(std::vector<float>* bias)> weight;
  bool with_bias = false;
  // The library's product and nothing of ours, which times are compared with: sums of int8 are
  // written to float32 without any scale.
  bool bare = false;
};

// A product whose weights are packed. Calls on one must not overlap.
class MatMul {
 public:
  virtual ~MatMul() = default;
  // `in`: [count, inputs] of the type of its activations, or in int8 where its weights are; `out`:
  // [count, outputs] in float32, bfloat16 where the backend has it, or int8 where the weights are.
  virtual void run(const Rows& in, const Rows& out) const = 0;
};

// A 3x3 convolution with padding 1, bias and ReLU (nn/convolution.h).
struct ConvolutionSpec {
  std::int64_t outputs = 0, inputs = 0;
  std::int64_t side = 0, stride = 1;  // of the image
  LayerTypes types;
  // [outputs, inputs, 3, 3] and [outputs].
  std::function<const float*(std::vector<float>* bias)> weight;
};

class ConvolutionProduct {
 public:
  virtual ~ConvolutionProduct() = default;
  virtual void run(const Rows& in, std::int64_t images, const Rows& out) const = 0;
};

// Attention of every token of an image to all tokens of the same image (nn/attention.h). Scores
// exist only a block at a time, in the cache.
class AttentionProduct {
 public:
  virtual ~AttentionProduct() = default;
  // All [images * tokens, heads * head width], in the type that it was made for. At most as many
  // threads may compute as OpenMP had when it was made.
  virtual void run(const Rows& q, const Rows& k, const Rows& v, const Rows& out) const = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const char* name() const = 0;
  // Its version, and what of the processor it arranges packed weights by.
  virtual std::string version() const = 0;

  // True where products of that precision are made by the processor's instructions for it, so that
  // they are faster than in float32.
  virtual bool computes(Precision precision) const = 0;

  // Weights are packed into `packed`, or found there.
  virtual std::unique_ptr<MatMul> matmul(ProductSpec spec, PackedWeights* packed) const = 0;
  virtual std::unique_ptr<ConvolutionProduct> convolution(ConvolutionSpec spec,
                                                          PackedWeights* packed) const = 0;
  // For images of `tokens` rows, of `heads` heads each. Scratch memory out of `arena`.
  virtual std::unique_ptr<AttentionProduct> image_attention(std::int64_t tokens, std::int64_t heads,
                                                            std::int64_t head_width,
                                                            ElementType type,
                                                            Arena* arena) const = 0;
};

// All that were built in, the fastest first.
const std::vector<const Backend*>& backends();
// The first of them.
const Backend& default_backend();

// The precision that `backend` computes in where `wanted` is asked for: float32 where it has no
// fast instructions for it.
Precision available_precision(Precision wanted, const Backend& backend);
// What the layers of a tower are made of in a precision that the backend computes in.
LayerTypes layer_types(Precision precision, const Backend& backend);

}  // namespace clip
