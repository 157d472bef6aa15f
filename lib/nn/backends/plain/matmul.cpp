#include <utility>
#include <vector>

#include "nn/backends/plain/backend.h"
#include "nn/backends/plain/panels.h"
#include "nn/packed_weights.h"
#include "nn/parallel.h"

namespace clip::plain {
namespace {

// Rows that one piece of work multiplies by a panel: few enough that they stay in the cache, where
// the next panel finds them.
constexpr std::int64_t kBlockRows = 96;

class PanelMatMul : public MatMul {
 public:
  PanelMatMul(ProductSpec spec, PackedWeights* packed) {
    const auto size =
        static_cast<std::size_t>(packed_size(spec.outputs, spec.inputs)) * sizeof(float);
    const PackedWeights::Piece piece = packed->next("panels of 16", size);
    auto* numbers = reinterpret_cast<float*>(piece.data);
    panels_ = {numbers, spec.outputs, spec.inputs, spec.epilogue};
    if (piece.ready) return;
    std::vector<float> bias;
    const float* weight = spec.weight(&bias);
    pack_panels(weight, bias.empty() ? nullptr : bias.data(), spec.outputs, spec.inputs, numbers);
  }

  void run(const Rows& in, const Rows& out) const override {
    const std::int64_t panels = panel_count(panels_.outputs);
    for (std::int64_t first = 0; first < in.count; first += kBlockRows) {
      const std::int64_t rows = std::min(kBlockRows, in.count - first);
      parallel_for(panels, [&](std::int64_t panel) {
        multiply_panel(panels_, panel, in.f32(first), in.stride, rows, out.f32(first), out.stride);
      });
    }
  }

 private:
  Panels panels_ = {};
};

}  // namespace

std::unique_ptr<MatMul> matmul(ProductSpec spec, PackedWeights* packed) {
  return std::make_unique<PanelMatMul>(std::move(spec), packed);
}

}  // namespace clip::plain
