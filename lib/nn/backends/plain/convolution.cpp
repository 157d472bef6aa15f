// A convolution as a product: a line of the result at a time, whose pixels' surroundings are put
// into rows.

#include <algorithm>
#include <utility>
#include <vector>

#include "nn/backends/plain/backend.h"
#include "nn/backends/plain/panels.h"
#include "nn/packed_weights.h"
#include "nn/parallel.h"

namespace clip::plain {
namespace {

constexpr std::int64_t kTaps = 3;  // in each direction

class Convolution : public ConvolutionProduct {
 public:
  Convolution(ConvolutionSpec spec, PackedWeights* packed)
      : inputs_(spec.inputs), side_(spec.side), stride_(spec.stride) {
    const std::int64_t width = kTaps * kTaps * spec.inputs;
    const auto size = static_cast<std::size_t>(packed_size(spec.outputs, width)) * sizeof(float);
    const PackedWeights::Piece piece = packed->next("panels of 16, taps first", size);
    auto* numbers = reinterpret_cast<float*>(piece.data);
    panels_ = {numbers, spec.outputs, width, Epilogue::kRelu};
    if (piece.ready) return;
    std::vector<float> bias;
    const float* from = spec.weight(&bias);
    // [outputs, inputs, taps] -> [outputs, taps, inputs], as pixels lie.
    std::vector<float> weight(static_cast<std::size_t>(spec.outputs * width));
    for (std::int64_t output = 0; output < spec.outputs; ++output) {
      for (std::int64_t input = 0; input < spec.inputs; ++input) {
        for (std::int64_t tap = 0; tap < kTaps * kTaps; ++tap) {
          weight[output * width + tap * spec.inputs + input] = *from++;
        }
      }
    }
    pack_panels(weight.data(), bias.data(), spec.outputs, width, numbers);
  }

  void run(const Rows& in, std::int64_t images, const Rows& out) const override {
    const std::int64_t after = side_ / stride_;
    parallel_for(images * after, [&](std::int64_t line) {
      std::vector<float> around(static_cast<std::size_t>(after * panels_.inputs));
      gather(in.f32(line / after * side_ * side_), line % after * stride_, after, around.data());
      for (std::int64_t panel = 0; panel < panel_count(panels_.outputs); ++panel) {
        multiply_panel(panels_, panel, around.data(), panels_.inputs, after, out.f32(line * after),
                       out.stride);
      }
    });
  }

 private:
  // The surroundings of the pixels of a line, [after, taps, inputs]; zeros beyond the image.
  void gather(const float* image, std::int64_t y, std::int64_t after, float* to) const {
    for (std::int64_t i = 0; i < after; ++i) {
      for (std::int64_t dy = -1; dy <= 1; ++dy) {
        for (std::int64_t dx = -1; dx <= 1; ++dx, to += inputs_) {
          const std::int64_t row = y + dy, column = i * stride_ + dx;
          if (row < 0 || row >= side_ || column < 0 || column >= side_) {
            std::fill_n(to, inputs_, 0.0F);
          } else {
            std::copy_n(image + (row * side_ + column) * inputs_, inputs_, to);
          }
        }
      }
    }
  }

  std::int64_t inputs_, side_, stride_;
  Panels panels_ = {};
};

}  // namespace

std::unique_ptr<ConvolutionProduct> convolution(ConvolutionSpec spec, PackedWeights* packed) {
  return std::make_unique<Convolution>(std::move(spec), packed);
}

}  // namespace clip::plain
