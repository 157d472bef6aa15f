#include "engine/native.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/startable_threads.h"
#include "clip/error.h"
#include "engine/suitable.h"
#include "nn/arena.h"
#include "nn/linear.h"
#include "nn/loader.h"
#include "nn/towers/image_tower.h"
#include "nn/towers/resnet_tower.h"
#include "nn/towers/text_tower.h"
#include "nn/towers/vision_tower.h"

namespace clip {
namespace {

std::string unsuitable(const Model& model, const EncoderOptions& options) {
  if (options.device != "cpu") return "it computes on the CPU only";
  return needs_known_weights(model, options);
}

void check(const Model& model, const EncoderOptions& options) {
  check_known_weights("native", model, options);
  if (options.device != "cpu") {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("the native engine computes on the CPU only, not on {}", options.device),
        Hint::kUseLibTorch);
  }
}

// A core's work of about a millisecond. A smaller share is not worth a thread: a tower meets at the
// end of six loops a layer, which takes 5 to 50 us each (measured with 2 threads on an EPYC; the
// demo model's 5 million operations an image took 72 ms of a start with two threads, 52 with one).
constexpr double kOperationsPerThread = 50e6;
constexpr double kEndless = std::numeric_limits<double>::infinity();

// The matrix products of `tokens` tokens: 12 width^2 weights a layer, two operations each.
double operations_of(const TransformerConfig& tower, std::int64_t tokens) {
  const auto width = static_cast<double>(tower.width);
  return 24 * width * width * static_cast<double>(tower.layers * tokens);
}

// What both encoders are made of: the model, which the tower's weights may look into, the memory
// that they are packed into, and how it is computed.
struct Setup {
  Setup(std::shared_ptr<const Model> of, const EncoderOptions& options)
      : model(std::move(of)),
        precision(available_precision(options.precision)),
        threads(startable_threads(options.threads)) {
    check(*model, options);
    if (threads < options.threads && options.notice) {
      options.notice(fmt::format("the system lets this process start {} threads, not {}", threads,
                                 options.threads));
    }
    if (precision != options.precision && options.notice) {
      options.notice(
          "this processor has no bfloat16 instructions: computing in fp32, which takes longer and "
          "twice the memory");
    }
    use_threads();
  }

  // The number belongs to the calling thread, and another encoder may have changed it; the towers
  // have scratch memory for as many threads as they were built with. Fewer of them compute what is
  // little work: `operations` floating-point operations.
  void use_threads(double operations = kEndless) const {
    omp_set_num_threads(static_cast<int>(
        std::clamp<double>(operations / kOperationsPerThread, 1, static_cast<double>(threads))));
  }

  Loader loader() { return Loader(model->weights(), precision, &arena); }

  Embeddings embeddings(std::int64_t count) const {
    Embeddings embeddings;
    embeddings.count = count;
    embeddings.dim = model->config().embedding_dim;
    embeddings.values.resize(static_cast<std::size_t>(count * embeddings.dim));
    return embeddings;
  }

  const std::shared_ptr<const Model> model;
  const Precision precision;
  const int threads;
  Arena arena;
};

class NativeImageEncoder : public ImageEncoder {
 public:
  NativeImageEncoder(std::shared_ptr<const Model> model, const EncoderOptions& options)
      : setup_(std::move(model), options) {
    const ModelConfig& config = setup_.model->config();
    Loader loader = setup_.loader();
    if (config.vision.kind == VisionKind::kTransformer) {
      tower_ = std::make_unique<VisionTower>(&loader, config);
    } else {
      tower_ = std::make_unique<ResNetTower>(&loader, config);
    }
  }

  Embeddings encode(const float* pixels, std::int64_t count) override {
    const std::int64_t side = setup_.model->config().vision.image_size;
    const std::int64_t max = tower_->max_images();
    Embeddings embeddings = setup_.embeddings(count);
    for (std::int64_t begin = 0; begin < count; begin += max) {
      const std::int64_t images = std::min(max, count - begin);
      setup_.use_threads(operations(images));
      tower_->encode(pixels + begin * 3 * side * side, images, embeddings.row(begin));
    }
    return embeddings;
  }

 private:
  double operations(std::int64_t images) const {
    const VisionConfig& vision = setup_.model->config().vision;
    if (vision.kind != VisionKind::kTransformer) return kEndless;  // the least ResNet has enough
    const std::int64_t patches = vision.image_size / vision.patch_size;
    return operations_of(vision, images * (patches * patches + 1));
  }

  Setup setup_;  // before the tower, which looks into its arena
  std::unique_ptr<ImageTower> tower_;
};

class NativeTextEncoder : public TextEncoder {
 public:
  NativeTextEncoder(std::shared_ptr<const Model> model, const EncoderOptions& options)
      : setup_(std::move(model), options) {
    Loader loader = setup_.loader();
    tower_ = std::make_unique<TextTower>(&loader, setup_.model->config());
  }

  Embeddings encode(const std::vector<TokenIds>& prompts) override {
    std::int64_t tokens = 0;
    for (const TokenIds& prompt : prompts) tokens += static_cast<std::int64_t>(prompt.size());
    setup_.use_threads(operations_of(setup_.model->config().text, tokens));
    Embeddings embeddings = setup_.embeddings(static_cast<std::int64_t>(prompts.size()));
    tower_->encode(prompts, embeddings.values.data());
    return embeddings;
  }

 private:
  Setup setup_;  // before the tower, which looks into its arena
  std::unique_ptr<TextTower> tower_;
};

}  // namespace

// float32 where the processor has no bfloat16 instructions.
Precision available_precision(Precision wanted) {
  return wanted == Precision::kBFloat16 && !has_fast_bfloat16() ? Precision::kFloat32 : wanted;
}

Engine native_engine() {
  Engine engine = {};
  engine.name = "native";
  engine.unsuitable = unsuitable;
  engine.open_image_encoder = [](std::shared_ptr<const Model> model,
                                 const EncoderOptions& options) -> std::unique_ptr<ImageEncoder> {
    return std::make_unique<NativeImageEncoder>(std::move(model), options);
  };
  engine.open_text_encoder = [](std::shared_ptr<const Model> model,
                                const EncoderOptions& options) -> std::unique_ptr<TextEncoder> {
    return std::make_unique<NativeTextEncoder>(std::move(model), options);
  };
  engine.precision = available_precision;
  return engine;
}

}  // namespace clip
