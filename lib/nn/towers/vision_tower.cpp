#include "nn/towers/vision_tower.h"

#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "nn/parallel.h"
#include "nn/simd.h"

namespace clip {
namespace {

// Tokens encoded at once: enough rows for the matrix kernels, and scratch of tens of megabytes.
constexpr std::int64_t kTypicalTokens = 2400;
constexpr std::int64_t kMaxImages = 32;

// A convolution whose stride is its size is a linear layer on patches. In float, as the projection
// is: what it loses to rounding, all layers behind it would compute with.
Linear load_patch_embedding(Loader* loader, const VisionConfig& vision) {
  const ElementType type = loader->types().activations;
  Loader in_float = loader->with({type, type});
  return Linear(
      &in_float, [&](std::vector<float>*) { return in_float.read("image.patch_embedding.weight"); },
      false, vision.width, 3 * vision.patch_size * vision.patch_size, Epilogue::kAdd);
}

std::vector<float> load_positions(Loader* loader) {
  std::vector<float> position = loader->vector("image.position_embedding");
  const std::vector<float> class_embedding = loader->vector("image.class_embedding");
  for (std::size_t i = 0; i < class_embedding.size(); ++i) position[i] += class_embedding[i];
  return position;
}

std::int64_t tokens_of(const VisionConfig& vision) {
  const std::int64_t grid = vision.image_size / vision.patch_size;
  return grid * grid + 1;
}

std::int64_t images_at_once(const VisionConfig& vision) {
  return std::clamp<std::int64_t>(kTypicalTokens / tokens_of(vision), 1, kMaxImages);
}

CLIP_CLONES void copy_as_bfloat16(const float* from, std::int64_t count, std::uint16_t* to) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = bfloat16_from_float(from[i]);
}

}  // namespace

VisionTower::VisionTower(Loader* loader, const ModelConfig& config)
    : image_size_(config.vision.image_size),
      patch_(config.vision.patch_size),
      grid_(image_size_ / patch_),
      tokens_(tokens_of(config.vision)),
      width_(config.vision.width),
      config_(config.vision),
      embedding_dim_(config.embedding_dim),
      max_images_(images_at_once(config.vision)),
      patch_embedding_(load_patch_embedding(loader, config.vision)),
      position_(load_positions(loader)),
      norm_pre_(loader, "image.norm_pre", config.vision.norm_epsilon),
      transformer_(loader, "image", config.vision),
      norm_post_(loader, "image.norm_post", config.vision.norm_epsilon),
      projection_(Linear::load_projection(loader, "image.projection")),
      attention_(loader->backend().image_attention(tokens_, config.vision.heads,
                                                   width_ / config.vision.heads,
                                                   loader->types().activations, loader->arena())),
      types_(loader->types()) {}

VisionTower::Scratch::Scratch(std::int64_t of_images, std::int64_t of_outputs, std::int64_t tokens,
                              const TransformerConfig& config, std::int64_t patch_size,
                              LayerTypes types)
    : images(of_images),
      outputs(of_outputs),
      // One block for all: of a small one every page is in use.
      arena(static_cast<std::size_t>(TransformerScratch::bytes(images * tokens, outputs, config) +
                                     4 * images * tokens * (patch_size + config.width) +
                                     4 * outputs * config.width)),
      transformer(images * tokens, outputs, config, types, &arena),
      patches(arena.rows(images * tokens, patch_size, types.activations)),
      x(arena.rows(images * tokens, config.width, ElementType::kFloat32)),
      pooled(arena.rows(outputs, config.width, ElementType::kFloat32)) {}

void VisionTower::reserve(std::int64_t images, std::int64_t outputs) {
  if (scratch_ != nullptr) {
    if (scratch_->images >= images && scratch_->outputs >= outputs) return;
    const bool more = scratch_->images < images;
    images =
        more ? std::min(std::max(images, 2 * scratch_->images), max_images_) : scratch_->images;
    outputs = std::max(outputs, scratch_->outputs);
  }
  scratch_ = nullptr;  // before there is more
  scratch_ = std::make_unique<Scratch>(images, std::max(images, outputs), tokens_, config_,
                                       3 * patch_ * patch_, types_);
}

// [count, 3, n, n] -> [count * tokens, 3 * patch * patch]: each patch's pixels in a row, channel by
// channel. The class tokens' rows stay zero.
void VisionTower::cut_patches(const float* pixels, std::int64_t count) const {
  parallel_for(count * grid_, [&](std::int64_t strip) {
    const std::int64_t image = strip / grid_, y = strip % grid_;
    for (std::int64_t x = 0; x < grid_; ++x) {
      const std::int64_t row = image * tokens_ + 1 + y * grid_ + x;
      std::int64_t column = 0;
      for (std::int64_t line = 0; line < 3 * patch_; ++line, column += patch_) {
        const std::int64_t channel = line / patch_, dy = line % patch_;
        const float* from = pixels +
                            ((image * 3 + channel) * image_size_ + y * patch_ + dy) * image_size_ +
                            x * patch_;
        if (scratch_->patches.type == ElementType::kFloat32) {
          std::copy(from, from + patch_, scratch_->patches.f32(row) + column);
        } else {
          copy_as_bfloat16(from, patch_, scratch_->patches.bf16(row) + column);
        }
      }
    }
  });
}

void VisionTower::encode(const float* pixels, std::int64_t count, float* embeddings) {
  // Of the last block's result only the class tokens are read.
  std::vector<std::int32_t> class_tokens;
  AttendedRows attended;
  for (std::int64_t i = 0; i < count; ++i) {
    class_tokens.push_back(static_cast<std::int32_t>(i * tokens_));
    for (std::int64_t j = 0; j < tokens_; ++j) {
      attended.rows.push_back(static_cast<std::int32_t>(i * tokens_ + j));
    }
    attended.begin.push_back(static_cast<std::int64_t>(attended.rows.size()));
  }
  reserve(count, count);
  run(pixels, count, class_tokens, attended, embeddings);
}

void VisionTower::encode_without_patches(const float* pixels, float* embeddings) {
  // The class token `tokens_` times: the first attends to all, the others to all but one patch.
  const std::vector<std::int32_t> class_tokens(static_cast<std::size_t>(tokens_), 0);
  AttendedRows attended;
  attended.rows.reserve(static_cast<std::size_t>(tokens_ * tokens_));
  for (std::int64_t without = 0; without < tokens_; ++without) {
    for (std::int64_t j = 0; j < tokens_; ++j) {
      if (j != without || without == 0) attended.rows.push_back(static_cast<std::int32_t>(j));
    }
    attended.begin.push_back(static_cast<std::int64_t>(attended.rows.size()));
  }
  reserve(1, tokens_);
  run(pixels, 1, class_tokens, attended, embeddings);
}

void VisionTower::run(const float* pixels, std::int64_t count,
                      const std::vector<std::int32_t>& wanted, const AttendedRows& last,
                      float* embeddings) {
  const std::int64_t rows = count * tokens_;

  // Tokens: the class embedding, then every patch; each plus its position.  x: [rows, width]
  cut_patches(pixels, count);
  const Rows x = scratch_->x.rows(0, rows);
  for (std::int64_t i = 0; i < count; ++i) {
    std::copy(position_.begin(), position_.end(), x.f32(i * tokens_));
  }
  patch_embedding_(scratch_->patches.rows(0, rows), x);
  norm_pre_(x, x);

  // The transformer.  chosen: [wanted, width]
  const auto within_images = [this](const Rows& q, const Rows& k, const Rows& v, const Rows& out) {
    attention_->run(q, k, v, out);
  };
  const Rows chosen = transformer_(x, within_images, wanted, last, scratch_->transformer);

  // Norm and projection.  embeddings: [wanted, D]
  const auto outputs = static_cast<std::int64_t>(wanted.size());
  const Rows pooled = scratch_->pooled.rows(0, outputs);
  norm_post_(chosen, pooled);
  projection_(pooled, {embeddings, ElementType::kFloat32, outputs, embedding_dim_, embedding_dim_});
}

}  // namespace clip
