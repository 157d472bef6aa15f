#include "nn/towers/resnet_tower.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/half.h"
#include "nn/parallel.h"

namespace clip {
namespace {

constexpr std::int64_t kBufferBytes = 32 << 20;  // that a batch is sized by
constexpr std::int64_t kMaxImages = 16;
// Red, green, blue, and a zero: oneDNN 3.7 convolves an odd number of channels wrongly in bfloat16.
constexpr std::int64_t kChannels = 4;

Linear load_1x1(Loader* loader, const std::string& convolution, const std::string& norm,
                Epilogue epilogue) {
  const Shape& shape = loader->shape(convolution + ".weight");
  std::optional<FoldedConvolution> folded;
  return Linear(
      loader,
      [&](std::vector<float>* bias) {
        folded.emplace(loader, convolution, norm);
        *bias = folded->bias;
        return folded->weight.data();
      },
      true, shape[0], shape[1], epilogue);
}

// The queries of attention pooling.
Linear load_query(Loader* loader, std::int64_t heads) {
  const std::string scope = "image.pool.query";
  const Shape& shape = loader->shape(scope + ".weight");
  return Linear(
      loader, [&](std::vector<float>* bias) { return read_query(loader, scope, heads, bias); },
      true, shape[0], shape[1], Epilogue::kNone);
}

float get(const Rows& rows, std::int64_t row, std::int64_t column) {
  if (rows.type == ElementType::kFloat32) return rows.f32(row)[column];
  return float_from_bfloat16(rows.bf16(row)[column]);
}

void set(const Rows& rows, std::int64_t row, std::int64_t column, float value) {
  if (rows.type == ElementType::kFloat32) {
    rows.f32(row)[column] = value;
  } else {
    rows.bf16(row)[column] = bfloat16_from_float(value);
  }
}

// The largest map of an image, in numbers: of the stem's third convolution, [n / 2, n / 2, width],
// and of the first stage, [n / 4, n / 4, 4 width]; later stages have half as many each. The image
// itself has channels x n x n.
std::int64_t max_map_size(const VisionConfig& vision) {
  return vision.image_size / 2 * (vision.image_size / 2) *
         std::max<std::int64_t>(vision.width, 4 * kChannels);
}

}  // namespace

ResNetTower::Bottleneck ResNetTower::load_bottleneck(Loader* loader, const std::string& scope,
                                                     std::int64_t side, std::int64_t stride) const {
  Bottleneck block{load_1x1(loader, scope + ".conv_1", scope + ".norm_1", Epilogue::kRelu),
                   Convolution(loader, scope + ".conv_2", scope + ".norm_2", side, 1), stride,
                   load_1x1(loader, scope + ".conv_3", scope + ".norm_3", Epilogue::kAddRelu),
                   std::nullopt};
  if (loader->has(scope + ".shortcut_conv.weight")) {
    block.shortcut.emplace(
        load_1x1(loader, scope + ".shortcut_conv", scope + ".shortcut_norm", Epilogue::kNone));
  }
  return block;
}

ResNetTower::ResNetTower(Loader* loader, const ModelConfig& config)
    : image_size_(config.vision.image_size),
      heads_(config.vision.heads),
      embedding_dim_(config.embedding_dim),
      type_(loader->types().activations),
      position_(loader->vector("image.pool.position_embedding")),
      q_proj_(load_query(loader, config.vision.heads)),
      k_proj_(Linear::load(loader, "image.pool.key", Epilogue::kNone)),
      v_proj_(Linear::load(loader, "image.pool.value", Epilogue::kNone)),
      c_proj_(Linear::load(loader, "image.pool.output", Epilogue::kNone)) {
  for (int i = 1; i <= 3; ++i) {
    const std::string scope = fmt::format("image.stem.{}", i);
    stem_.emplace_back(loader, scope + ".conv", scope + ".norm",
                       i == 1 ? image_size_ : image_size_ / 2, i == 1 ? 2 : 1);
  }
  std::int64_t side = image_size_ / 4;
  for (std::size_t stage = 0; stage < config.vision.stages.size(); ++stage) {
    for (std::int64_t i = 0; i < config.vision.stages[stage]; ++i) {
      const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      const std::string scope = fmt::format("image.stages.{}.{}", stage + 1, i);
      blocks_.push_back(load_bottleneck(loader, scope, side, stride));
      side /= stride;
    }
  }

  const std::int64_t map = max_map_size(config.vision);
  max_images_ = std::clamp<std::int64_t>(kBufferBytes / (map * size_of(type_)), 1, kMaxImages);
  Arena* arena = loader->arena();
  for (Rows& buffer : buffers_) buffer = arena->rows(max_images_, map, type_);
  const std::int64_t width = k_proj_.inputs();
  const std::int64_t tokens = static_cast<std::int64_t>(position_.size()) / width * max_images_;
  tokens_ = arena->rows(tokens, width, type_);
  keys_ = arena->rows(tokens, width, type_);
  values_ = arena->rows(tokens, width, type_);
  means_ = arena->rows(max_images_, width, type_);
  queries_ = arena->rows(max_images_, width, type_);
  pooled_ = arena->rows(max_images_, width, type_);
}

// Part of a buffer as a map of `width` channels.
Rows ResNetTower::view(int buffer, std::int64_t rows, std::int64_t width) const {
  return {buffers_[buffer].data, type_, rows, width, width};
}

// Averages of 2 x 2 pixels: [images * side * side, C] -> [images * side / 2 * side / 2, C].
void ResNetTower::pool(const Rows& in, std::int64_t images, std::int64_t side,
                       const Rows& out) const {
  const std::int64_t half = side / 2;
  parallel_for(images * half, [&](std::int64_t line) {
    const std::int64_t top = (line / half * side + line % half * 2) * side;
    for (std::int64_t x = 0; x < half; ++x) {
      const std::int64_t corner = top + 2 * x;
      for (std::int64_t i = 0; i < in.width; ++i) {
        const float sum = get(in, corner, i) + get(in, corner + 1, i) + get(in, corner + side, i) +
                          get(in, corner + side + 1, i);
        set(out, line * half + x, i, sum / 4);
      }
    }
  });
}

Rows ResNetTower::encode_map(const float* pixels, std::int64_t count, std::int64_t* side) {
  // Images pixel by pixel.  x: [count * n * n, channels], n = image size
  std::int64_t n = image_size_;
  Rows x = view(1, count * n * n, kChannels);
  parallel_for(count * n, [&](std::int64_t line) {
    const float* from = pixels + line / n * 3 * n * n + line % n * n;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t channel = 0; channel < 3; ++channel) {
        set(x, line * n + i, channel, from[channel * n * n + i]);
      }
      set(x, line * n + i, kChannels - 1, 0);
    }
  });

  // The stem halves the image twice.  x: [count * n/4 * n/4, width]
  int at = 2;
  for (const Convolution& convolution : stem_) {
    const std::int64_t smaller = n / convolution.stride();
    const Rows y = view(at, count * smaller * smaller, convolution.outputs());
    convolution(x, count, y);
    x = y;
    n = smaller;
    at = 3 - at;
  }
  const Rows pooled = view(0, count * (n / 2) * (n / 2), x.width);
  pool(x, count, n, pooled);
  x = pooled;
  n /= 2;

  // Bottlenecks; the last three stages halve the map again.  x: [count * n/32 * n/32, 32 width]
  int current = 0;  // the buffer that x lies in
  for (const Bottleneck& block : blocks_) {
    const int first = (current + 1) % kBuffers, second = (current + 2) % kBuffers;
    const int other = (current + 3) % kBuffers;
    const std::int64_t planes = block.conv1.outputs();
    const std::int64_t smaller = n / block.stride, rows = count * smaller * smaller;
    const Rows narrow = view(first, x.count, planes);
    block.conv1(x, narrow);
    Rows inner = view(second, x.count, planes);
    block.conv2(narrow, count, inner);
    if (block.stride > 1) {
      const Rows averaged = view(first, rows, planes);
      pool(inner, count, n, averaged);
      inner = averaged;
    }
    if (block.shortcut) {
      Rows shortcut = x;
      if (block.stride > 1) {
        shortcut = view(second, rows, x.width);
        pool(x, count, n, shortcut);
      }
      x = view(other, rows, block.conv3.outputs());
      (*block.shortcut)(shortcut, x);
      current = other;
    }
    block.conv3(inner, x);
    n = smaller;
  }
  *side = n;
  return x;
}

// One query, the mean of all cells, attends to the mean and the cells, each plus its position.
void ResNetTower::attention_pool(const Rows& map, std::int64_t count, std::int64_t cells,
                                 float* embeddings) {
  const std::int64_t width = map.width, rows = count * (cells + 1);
  AttendedRows attended;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = i * (cells + 1);
    for (std::int64_t column = 0; column < width; ++column) {
      float sum = 0;
      for (std::int64_t cell = 0; cell < cells; ++cell) {
        const float value = get(map, i * cells + cell, column);
        sum += value;
        set(tokens_, first + 1 + cell, column, value + position_[(cell + 1) * width + column]);
      }
      const float mean = sum / static_cast<float>(cells) + position_[column];
      set(tokens_, first, column, mean);
      set(means_, i, column, mean);
    }
    for (std::int64_t j = 0; j <= cells; ++j) {
      attended.rows.push_back(static_cast<std::int32_t>(first + j));
    }
    attended.begin.push_back(static_cast<std::int64_t>(attended.rows.size()));
  }
  const Rows queries = queries_.rows(0, count), pooled = pooled_.rows(0, count);
  const Rows keys = keys_.rows(0, rows), values = values_.rows(0, rows);
  q_proj_(means_.rows(0, count), queries);
  k_proj_(tokens_.rows(0, rows), keys);
  v_proj_(tokens_.rows(0, rows), values);
  attend(attended, heads_, queries, keys, values, pooled);
  c_proj_(pooled, {embeddings, ElementType::kFloat32, count, embedding_dim_, embedding_dim_});
}

void ResNetTower::encode(const float* pixels, std::int64_t count, float* embeddings) {
  std::int64_t side = 0;
  const Rows map = encode_map(pixels, count, &side);
  attention_pool(map, count, side * side, embeddings);
}

}  // namespace clip
