#include "encoder/native_encoder.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <utility>

#include "error.h"
#include "nn/image_tower.h"
#include "nn/memory.h"
#include "nn/resnet_tower.h"
#include "nn/text_tower.h"
#include "nn/vision_tower.h"

namespace clip {

struct NativeEncoder::Towers {
  Arena arena;  // of all weights and scratch: first, for the towers look into it
  std::unique_ptr<ImageTower> images;
  std::unique_ptr<TextTower> texts;
};

NativeEncoder::NativeEncoder(std::shared_ptr<const ModelFile> model, Precision precision,
                             int threads)
    : model_(std::move(model)),
      precision_(precision),
      towers_(std::make_unique<Towers>()),
      threads_(threads) {
  const ModelConfig& config = model_->config();
  if (!config.recognised) {
    throw Error(
        fmt::format("the native engine cannot run {}: {}; --engine torchscript runs the export's "
                    "own code",
                    model_->path(), config.unrecognised));
  }
  omp_set_num_threads(threads_);
  if (precision_ == Precision::kBFloat16 && !has_fast_bfloat16()) {
    precision_ = Precision::kFloat32;
    notice_ =
        "this processor has no bfloat16 instructions: computing in fp32, which takes longer and "
        "twice the memory";
  }
  Loader loader(model_->weights(), precision_, &towers_->arena);
  if (config.vision.kind == VisionKind::kTransformer) {
    towers_->images = std::make_unique<VisionTower>(&loader, config);
  } else {
    towers_->images = std::make_unique<ResNetTower>(&loader, config);
  }
  towers_->texts = std::make_unique<TextTower>(&loader, config);
}

NativeEncoder::~NativeEncoder() = default;

Embeddings NativeEncoder::encode_images(const float* pixels, std::int64_t count) {
  // The number belongs to the calling thread, and another encoder may have changed it; the towers
  // have scratch memory for as many threads as they were built with.
  omp_set_num_threads(threads_);
  const ModelConfig& config = model_->config();
  const std::int64_t size = 3 * config.vision.image_size * config.vision.image_size;
  const std::int64_t most = towers_->images->most_images();
  Embeddings embeddings;
  embeddings.count = count;
  embeddings.dim = config.embedding_dim;
  embeddings.values.resize(static_cast<std::size_t>(count * embeddings.dim));
  for (std::int64_t begin = 0; begin < count; begin += most) {
    towers_->images->encode(pixels + begin * size, std::min(most, count - begin),
                            embeddings.values.data() + begin * embeddings.dim);
  }
  return embeddings;
}

Embeddings NativeEncoder::encode_texts(const std::vector<TokenIds>& prompts) {
  omp_set_num_threads(threads_);
  Embeddings embeddings;
  embeddings.count = static_cast<std::int64_t>(prompts.size());
  embeddings.dim = model_->config().embedding_dim;
  embeddings.values.resize(prompts.size() * static_cast<std::size_t>(embeddings.dim));
  towers_->texts->encode(prompts, embeddings.values.data());
  return embeddings;
}

}  // namespace clip
