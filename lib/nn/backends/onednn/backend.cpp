#include "nn/backends/onednn/backend.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "nn/backends/onednn/calls.h"
#include "nn/backends/onednn/matmul.h"

namespace clip::onednn {
namespace {

class OneDnn : public Backend {
 public:
  const char* name() const override { return "onednn"; }

  // Layouts follow the instructions and the sizes of caches.
  std::string version() const override {
    const dnnl::version_t& of = *dnnl::version();
    return fmt::format("{}.{}.{} {} isa {} caches {} {} {}", of.major, of.minor, of.patch, of.hash,
                       static_cast<int>(dnnl::get_effective_cpu_isa()),
                       sysconf(_SC_LEVEL1_DCACHE_SIZE), sysconf(_SC_LEVEL2_CACHE_SIZE),
                       sysconf(_SC_LEVEL3_CACHE_SIZE));
  }

  bool computes(Precision precision) const override {
    switch (precision) {
      case Precision::kFloat32:
      case Precision::kInt8:  // on any processor, with and without VNNI
        return true;
      case Precision::kBFloat16:
        return has_bfloat16();
      case Precision::kFloat16:
        break;
    }
    return false;
  }

  std::unique_ptr<MatMul> matmul(ProductSpec spec, PackedWeights* packed) const override {
    if (spec.types.weights == ElementType::kInt8 && !spec.bare) {
      return int8_matmul(std::move(spec), packed);
    }
    return float_matmul(std::move(spec), packed);
  }

  std::unique_ptr<ConvolutionProduct> convolution(ConvolutionSpec spec,
                                                  PackedWeights* packed) const override {
    return onednn::convolution(std::move(spec), packed);
  }

  std::unique_ptr<AttentionProduct> image_attention(std::int64_t tokens, std::int64_t heads,
                                                    std::int64_t head_width, ElementType type,
                                                    Arena* arena) const override {
    return onednn::image_attention(tokens, heads, head_width, type, arena);
  }
};

}  // namespace

const Backend& backend() {
  static const OneDnn only;
  return only;
}

}  // namespace clip::onednn
