#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "clip/error.h"
#include "clip/libtorch.h"
#include "engine/suitable.h"
#include "libtorch/image_towers.h"
#include "libtorch/pixel_copies.h"
#include "libtorch/runtime.h"
#include "libtorch/text_tower.h"
#include "model/weights.h"

namespace clip {
namespace libtorch {
namespace {

at::ScalarType type_of(Precision precision) {
  switch (precision) {
    case Precision::kBFloat16:
      return at::kBFloat16;
    case Precision::kFloat16:
      return at::kHalf;
    case Precision::kFloat32:
    case Precision::kInt8:  // refused
      break;
  }
  return at::kFloat;
}

// What both encoders are made of, and how they call LibTorch.
class Setup {
 public:
  Setup(std::shared_ptr<const Model> model, const EncoderOptions& options)
      : model_(std::move(model)),
        device_(checked_device(*model_, options)),
        type_(type_of(options.precision)),
        threads_(options.threads) {
    // Float32 means float32; products of matrices are not in TensorFloat-32 to begin with.
    at::globalContext().setAllowTF32CuDNN(false);
  }

  const ModelConfig& config() const { return model_->config(); }
  at::Device device() const { return device_; }
  WeightReader reader() const { return WeightReader(model_->weights(), device_, type_); }

  // The result of `work`, with the encoder's threads and without records for gradients. `what` it
  // does, for the Error of an exception of LibTorch.
  template <typename Work>
  auto run(const char* what, const Work& work) const {
    // The number belongs to the process, and another encoder may have changed it.
    at::set_num_threads(threads_);
    const c10::InferenceMode inference;
    try {
      return work();
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kInternal, fmt::format("LibTorch cannot {} {}: {}", what,
                                                    model_->path(), first_lines(error.what())));
    }
  }

  // Waits for `rows`, [count, D] float32 on any device.
  Embeddings embeddings(const at::Tensor& rows) const {
    const at::Tensor here = rows.to(at::Device(at::kCPU), at::kFloat).contiguous();
    Embeddings embeddings;
    embeddings.count = here.size(0);
    embeddings.dim = here.size(1);
    const float* values = here.data_ptr<float>();
    embeddings.values.assign(values, values + here.numel());
    return embeddings;
  }

 private:
  static at::Device checked_device(const Model& model, const EncoderOptions& options) {
    check_known_weights("libtorch", model, options);
    if (options.precision == Precision::kInt8) {
      throw Error(
          ErrorCode::kUnsupported,
          "the libtorch engine does not compute in int8, which the native engine does, on CPUs",
          Hint::kUseBFloat16);
    }
    return parse_device(options.device);
  }

  const std::shared_ptr<const Model> model_;
  const at::Device device_;
  const at::ScalarType type_;
  const int threads_;
};

class LibTorchImageEncoder : public ImageEncoder {
 public:
  LibTorchImageEncoder(std::shared_ptr<const Model> model, const EncoderOptions& options)
      : setup_(std::move(model), options), copies_(setup_.device()) {
    tower_ = setup_.run("build the image tower of", [&] {
      WeightReader reader = setup_.reader();
      return read_image_tower(&reader, setup_.config(), setup_.device());
    });
  }

  Embeddings encode(const float* pixels, std::int64_t count) override {
    return setup_.run("run the image tower of", [&] {
      const std::int64_t side = setup_.config().vision.image_size;
      std::vector<at::Tensor> batches;
      for (std::int64_t begin = 0; begin < count; begin += tower_->max_images()) {
        const std::int64_t size = std::min(tower_->max_images(), count - begin);
        batches.push_back((*tower_)(copies_(pixels + begin * 3 * side * side, size, side)));
      }
      if (batches.empty()) batches.push_back(at::empty({0, setup_.config().embedding_dim}));
      return setup_.embeddings(at::cat(batches));
    });
  }

 private:
  const Setup setup_;
  const PixelCopies copies_;
  std::unique_ptr<ImageTower> tower_;
};

class LibTorchTextEncoder : public TextEncoder {
 public:
  LibTorchTextEncoder(std::shared_ptr<const Model> model, const EncoderOptions& options)
      : setup_(std::move(model), options) {
    tower_ = setup_.run("build the text tower of", [&] {
      WeightReader reader = setup_.reader();
      return std::make_unique<TextTower>(&reader, setup_.config(), setup_.device());
    });
  }

  Embeddings encode(const std::vector<TokenIds>& prompts) override {
    return setup_.run("run the text tower of",
                      [&] { return setup_.embeddings((*tower_)(prompts)); });
  }

 private:
  const Setup setup_;
  std::unique_ptr<TextTower> tower_;
};

}  // namespace
}  // namespace libtorch

Engine libtorch_engine() {
  Engine engine = {};
  engine.name = "libtorch";
  engine.unsuitable = needs_known_weights;
  engine.open_image_encoder = [](std::shared_ptr<const Model> model,
                                 const EncoderOptions& options) -> std::unique_ptr<ImageEncoder> {
    return std::make_unique<libtorch::LibTorchImageEncoder>(std::move(model), options);
  };
  engine.open_text_encoder = [](std::shared_ptr<const Model> model,
                                const EncoderOptions& options) -> std::unique_ptr<TextEncoder> {
    return std::make_unique<libtorch::LibTorchTextEncoder>(std::move(model), options);
  };
  return engine;
}

}  // namespace clip
