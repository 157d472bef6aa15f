#include "nn/backends/plain/backend.h"

#include <utility>

namespace clip::plain {
namespace {

class Plain : public Backend {
 public:
  const char* name() const override { return "plain"; }

  std::string version() const override { return "1"; }

  bool computes(Precision precision) const override { return precision == Precision::kFloat32; }

  std::unique_ptr<MatMul> matmul(ProductSpec spec, PackedWeights* packed) const override {
    return plain::matmul(std::move(spec), packed);
  }

  std::unique_ptr<ConvolutionProduct> convolution(ConvolutionSpec spec,
                                                  PackedWeights* packed) const override {
    return plain::convolution(std::move(spec), packed);
  }

  std::unique_ptr<AttentionProduct> image_attention(std::int64_t tokens, std::int64_t heads,
                                                    std::int64_t, ElementType,
                                                    Arena*) const override {
    return plain::image_attention(tokens, heads);
  }
};

}  // namespace

const Backend& backend() {
  static const Plain only;
  return only;
}

}  // namespace clip::plain
