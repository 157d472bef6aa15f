#include "engine/native.h"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/startable_threads.h"
#include "clip/error.h"
#include "engine/patch_encoder.h"
#include "engine/suitable.h"
#include "nn/arena.h"
#include "nn/backend.h"
#include "nn/loader.h"
#include "nn/ready_weights.h"
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

std::string why_not_in(Precision precision) {
  if (precision == Precision::kBFloat16) {
    return "there are no bfloat16 instructions in this processor, or in this build of clip-cli: "
           "computing in fp32, which takes longer and twice the memory";
  }
  return fmt::format("this build of clip-cli does not compute in {}: computing in fp32",
                     name_of(precision));
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
    if (precision != options.precision && options.notice)
      options.notice(why_not_in(options.precision));
    use_threads();
  }

  // The number belongs to the calling thread, and another encoder may have changed it; the towers
  // have scratch memory for as many threads as they were built with. Fewer of them compute what is
  // little work: `operations` floating-point operations.
  void use_threads(double operations = kEndless) const {
    omp_set_num_threads(static_cast<int>(
        std::clamp<double>(operations / kOperationsPerThread, 1, static_cast<double>(threads))));
  }

  LayerTypes types() const { return layer_types(precision, default_backend()); }

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
  std::unique_ptr<ReadyWeights> ready;  // null: all weights are in the arena
};

// What packed weights depend on. `layout` counts the changes of what this project packs.
std::string ready_key(const Setup& setup, const char* tower, LayerTypes types) {
  const Backend& backend = default_backend();
  return fmt::format(
      "layout 1\nmodel {}\ntower {}\nprecision {}\nweights {}\nactivations {}\nbackend {} {}\n",
      setup.model->identity(), tower, name_of(setup.precision), static_cast<int>(types.weights),
      static_cast<int>(types.activations), backend.name(), backend.version());
}

// Builds a tower of ready weights, where there are any, and writes those that are asked for or that
// no longer fit. `build` gets the loader.
template <typename Build>
void build_tower(Setup* setup, const EncoderOptions& options, const char* tower, LayerTypes types,
                 const Build& build) {
  if (options.ready_folder.empty()) {
    Loader loader(setup->model->weights(), types, &setup->arena);
    build(&loader);
    return;
  }
  setup->ready = std::make_unique<ReadyWeights>(
      ready_path(options.ready_folder, *setup->model, setup->precision, tower),
      ready_key(*setup, tower, types), &setup->arena);
  Loader loader(setup->model->weights(), types, &setup->arena, default_backend(),
                setup->ready.get());
  build(&loader);
  if (setup->ready->fits() || !(options.prepare || setup->ready->found())) return;
  try {
    setup->ready->write(setup->model->path());
  } catch (const Error&) {
    if (options.prepare) throw;  // else the next start packs again, as this one did
  }
}

class NativeImageEncoder : public ImageEncoder, public PatchEncoder {
 public:
  NativeImageEncoder(std::shared_ptr<const Model> model, const EncoderOptions& options)
      : setup_(std::move(model), options) {
    const ModelConfig& config = setup_.model->config();
    LayerTypes types = setup_.types();
    const bool is_resnet = config.vision.kind != VisionKind::kTransformer;
    if (is_resnet && types.weights == ElementType::kInt8) {
      types.weights = types.activations;
      if (options.notice) {
        options.notice(
            fmt::format("a ResNet's images are not computed in int8: computing them in {}",
                        types == kAllFloat32 ? "fp32" : "bf16"));
      }
    }
    build_tower(&setup_, options, "image", types, [&](Loader* loader) {
      if (is_resnet) {
        tower_ = std::make_unique<ResNetTower>(loader, config);
      } else {
        tower_ = std::make_unique<VisionTower>(loader, config);
      }
    });
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

  std::int64_t patch_grid() const override { return tower_->patch_grid(); }

  Embeddings encode_without_patches(const float* pixels) override {
    Embeddings embeddings = setup_.embeddings(1 + patch_grid() * patch_grid());
    setup_.use_threads(operations(1));
    tower_->encode_without_patches(pixels, embeddings.values.data());
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
    build_tower(&setup_, options, "text", setup_.types(), [&](Loader* loader) {
      tower_ = std::make_unique<TextTower>(loader, setup_.model->config());
    });
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

std::string ready_path(const std::string& folder, const Model& model, Precision precision,
                       const char* tower) {
  return joined_path(folder, fmt::format("{}-{}-{}.ready", model.identity().substr(0, 16),
                                         name_of(precision), tower));
}

Precision available_precision(Precision wanted) {
  return available_precision(wanted, default_backend());
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
