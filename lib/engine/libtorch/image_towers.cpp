#include "libtorch/image_towers.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nn/convolution.h"

namespace clip::libtorch {
namespace {

// Tokens and images at once. More gain nothing on a CPU and cost memory; a GPU wants many, and yet
// several batches, so that the copy of one overlaps with computing another.
constexpr std::int64_t kCpuTokens = 2400, kGpuTokens = 32768;
constexpr std::int64_t kCpuImages = 16, kGpuImages = 128;

std::int64_t tokens_of(const VisionConfig& vision) {
  const std::int64_t grid = vision.image_size / vision.patch_size;
  return grid * grid + 1;
}

class VisionTransformer : public ImageTower {
 public:
  VisionTransformer(WeightReader* reader, const ModelConfig& config, at::Device device)
      : vision_(config.vision),
        compute_type_(reader->compute_type()),
        max_images_(std::clamp<std::int64_t>(
            (device.is_cpu() ? kCpuTokens : kGpuTokens) / tokens_of(config.vision), 1,
            device.is_cpu() ? kCpuImages : kGpuImages)),
        // A convolution whose stride is its size is a linear layer on patches.
        patch_embedding_(reader->read({"image.patch_embedding.weight"}, compute_type_).flatten(1)),
        class_token_(reader->read_float("image.class_embedding")),
        position_(reader->read_float("image.position_embedding")),
        norm_pre_(LayerNorm::read(reader, "image.norm_pre", vision_.norm_epsilon)),
        transformer_(reader, "image", vision_),
        norm_post_(LayerNorm::read(reader, "image.norm_post", vision_.norm_epsilon)),
        projection_(reader->read_float("image.projection.weight")) {}

  std::int64_t max_images() const override { return max_images_; }

  at::Tensor operator()(const at::Tensor& pixels) const override {
    const std::int64_t n = pixels.size(0), patch = vision_.patch_size;
    const std::int64_t grid = vision_.image_size / patch, side = grid * patch;
    // [n, 3, side, side] -> [n, grid * grid, 3 * patch * patch]: a patch's pixels in a row, channel
    // by channel. What is left at the right and at the bottom belongs to no patch.
    const at::Tensor patches = pixels.narrow(2, 0, side)
                                   .narrow(3, 0, side)
                                   .to(compute_type_)
                                   .reshape({n, 3, grid, patch, grid, patch})
                                   .permute({0, 2, 4, 1, 3, 5})
                                   .reshape({n, grid * grid, 3 * patch * patch});
    const at::Tensor embedded = at::linear(patches, patch_embedding_).to(at::kFloat);
    at::Tensor x = at::cat({class_token_.expand({n, 1, vision_.width}), embedded}, 1);
    x.add_(position_);
    const at::Tensor first = at::zeros({n}, x.options().dtype(at::kLong));
    const at::Tensor pooled = transformer_(norm_pre_(x), first, /*causal=*/false);
    return at::linear(norm_post_(pooled), projection_);
  }

 private:
  VisionConfig vision_;
  at::ScalarType compute_type_;
  std::int64_t max_images_;
  at::Tensor patch_embedding_, class_token_, position_;
  LayerNorm norm_pre_;
  Transformer transformer_;
  LayerNorm norm_post_;
  at::Tensor projection_;
};

// A convolution with its batch norm folded in.
struct Convolution {
  Convolution(WeightReader* reader, const std::string& convolution, const std::string& norm) {
    const FoldedConvolution folded(reader->loader(), convolution, norm);
    weight = reader->own(folded.weight, {folded.outputs, folded.inputs, folded.side, folded.side})
                 .contiguous(at::MemoryFormat::ChannelsLast);
    bias = reader->own(folded.bias, {folded.outputs});
  }

  // Padded so that a side keeps its length, or is halved. One of a single pixel is a product of
  // matrices, with the channels innermost; as a convolution, LibTorch 2.6 of Debian 13 computes
  // some shapes wrongly (16 images, 128 channels to 512).
  at::Tensor operator()(const at::Tensor& x, std::int64_t stride = 1) const {
    if (weight.size(2) == 1 && stride == 1) {
      return at::linear(x.permute({0, 2, 3, 1}), weight.flatten(1), bias).permute({0, 3, 1, 2});
    }
    const std::int64_t padding = weight.size(2) / 2;
    return at::conv2d(x, weight, bias, {stride, stride}, {padding, padding});
  }

  at::Tensor weight, bias;
};

class ModifiedResNet : public ImageTower {
 public:
  ModifiedResNet(WeightReader* reader, const ModelConfig& config, at::Device device)
      : heads_(config.vision.heads),
        compute_type_(reader->compute_type()),
        max_images_(device.is_cpu() ? kCpuImages : kGpuImages),
        position_(reader->read_float("image.pool.position_embedding")),
        query_(Linear::read(reader, {"image.pool.query"})),
        key_value_(Linear::read(reader, {"image.pool.key", "image.pool.value"})),
        output_(Linear::read(reader, {"image.pool.output"})) {
    for (int i = 1; i <= 3; ++i) {
      const std::string scope = fmt::format("image.stem.{}", i);
      stem_.emplace_back(reader, scope + ".conv", scope + ".norm");
    }
    for (std::size_t stage = 0; stage < config.vision.stages.size(); ++stage) {
      for (std::int64_t i = 0; i < config.vision.stages[stage]; ++i) {
        const std::string scope = fmt::format("image.stages.{}.{}", stage + 1, i);
        blocks_.push_back({Convolution(reader, scope + ".conv_1", scope + ".norm_1"),
                           Convolution(reader, scope + ".conv_2", scope + ".norm_2"),
                           Convolution(reader, scope + ".conv_3", scope + ".norm_3"),
                           stage > 0 && i == 0, std::nullopt});
        if (reader->loader()->has(scope + ".shortcut_conv.weight")) {
          blocks_.back().shortcut.emplace(reader, scope + ".shortcut_conv",
                                          scope + ".shortcut_norm");
        }
      }
    }
  }

  std::int64_t max_images() const override { return max_images_; }

  at::Tensor operator()(const at::Tensor& pixels) const override {
    // The stem halves the image twice.  x: [n, width, size / 4, size / 4]
    at::Tensor x = pixels.to(compute_type_).contiguous(at::MemoryFormat::ChannelsLast);
    for (std::size_t i = 0; i < stem_.size(); ++i) x = stem_[i](x, i == 0 ? 2 : 1).relu_();
    x = at::avg_pool2d(x, {2, 2});

    // Bottlenecks; the last three stages halve the map again.
    for (const Bottleneck& block : blocks_) {
      at::Tensor inner = block.conv_2(block.conv_1(x).relu_()).relu_();
      if (block.halves) inner = at::avg_pool2d(inner, {2, 2});
      at::Tensor shortcut = x;
      if (block.shortcut) {
        shortcut = (*block.shortcut)(block.halves ? at::avg_pool2d(x, {2, 2}) : x);
      }
      x = block.conv_3(inner).add_(shortcut).relu_();
    }

    // One query, the mean of all cells, attends to the mean and the cells, each plus its position.
    const at::Tensor cells = x.flatten(2).transpose(1, 2).to(at::kFloat);
    const at::Tensor tokens = at::cat({cells.mean(1, /*keepdim=*/true), cells}, 1)
                                  .add_(position_)
                                  .to(compute_type_);  // [n, cells + 1, width]
    const std::int64_t width = tokens.size(2);
    const at::Tensor key_value = key_value_(tokens);
    const at::Tensor pooled =
        attend(query_(tokens.narrow(1, 0, 1)), key_value.narrow(2, 0, width),
               key_value.narrow(2, width, width), heads_, /*causal=*/false, {});
    return output_(pooled.squeeze(1)).to(at::kFloat);
  }

 private:
  struct Bottleneck {
    Convolution conv_1, conv_2, conv_3;
    bool halves;  // the map's side
    std::optional<Convolution> shortcut;
  };

  std::int64_t heads_;
  at::ScalarType compute_type_;
  std::int64_t max_images_;
  at::Tensor position_;
  Linear query_, key_value_, output_;
  std::vector<Convolution> stem_;
  std::vector<Bottleneck> blocks_;
};

}  // namespace

std::unique_ptr<ImageTower> read_image_tower(WeightReader* reader, const ModelConfig& config,
                                             at::Device device) {
  if (config.vision.kind == VisionKind::kTransformer) {
    return std::make_unique<VisionTransformer>(reader, config, device);
  }
  return std::make_unique<ModifiedResNet>(reader, config, device);
}

}  // namespace clip::libtorch
