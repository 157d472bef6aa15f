#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "checkpoint/checkpoint.h"
#include "clip/error.h"
#include "clip/torchscript.h"
#include "engine/suitable.h"
#include "libtorch/runtime.h"
#include "torchscript/graph_rewrite.h"

namespace clip {
namespace {

// Encoded at once; more gains nothing on a CPU and costs memory.
constexpr std::int64_t kImageBatch = 16;
constexpr std::int64_t kTextBatch = 32;

// The module of a model, loaded once for both of its encoders.
class LoadedModule {
 public:
  LoadedModule(std::shared_ptr<const Model> model, const std::string& device)
      : model_(std::move(model)), device_(libtorch::parse_device(device)) {
    try {
      module_ = torch::jit::load(model_->path(), device_);
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kCorrupt, fmt::format("LibTorch cannot load {}: {}", model_->path(),
                                                   libtorch::first_lines(error.what())));
    }
    for (const char* method : {"encode_image", "encode_text"}) {
      if (!module_.find_method(method)) {
        throw Error(ErrorCode::kUnsupported,
                    fmt::format("{} has no method {}", model_->path(), method), Hint::kExportModel);
      }
    }
    module_.eval();
    if (device_.is_cpu()) {
      rewrite_for_cpu(&module_);
    } else {
      // Images enter in the type of the weights that they meet.
      for (const auto& parameter : module_.named_parameters()) {
        if (parameter.name.find("conv1.weight") != std::string::npos) {
          pixel_type_ = parameter.value.scalar_type();
          break;
        }
      }
    }
  }

  const ModelConfig& config() const { return model_->config(); }
  at::ScalarType pixel_type() const { return pixel_type_; }

  // Calls a method on a [count, ...] tensor and appends its [count, dim] result.
  void run(const char* method, const at::Tensor& input, Embeddings* embeddings) {
    at::Tensor output;
    try {
      const at::NoGradGuard no_grad;
      // One or two calls a run never repay the profiling executor's recompilation.
      const torch::jit::GraphOptimizerEnabledGuard no_recompilation(false);
      output = module_.get_method(method)({input.to(device_)})
                   .toTensor()
                   .to(at::Device(at::kCPU), at::kFloat)
                   .contiguous();
    } catch (const std::exception& error) {
      throw Error(ErrorCode::kInternal, fmt::format("{} of {} failed: {}", method, model_->path(),
                                                    libtorch::first_lines(error.what())));
    }
    if (output.dim() != 2 || output.size(0) != input.size(0) || output.size(1) == 0) {
      throw Error(ErrorCode::kInternal,
                  fmt::format("{} of {} gives shape {}, expected [{}, embedding dimension]", method,
                              model_->path(), to_string(output.sizes().vec()), input.size(0)));
    }
    embeddings->dim = output.size(1);
    const float* values = output.data_ptr<float>();
    embeddings->values.insert(embeddings->values.end(), values, values + output.numel());
  }

 private:
  const std::shared_ptr<const Model> model_;
  const at::Device device_;
  torch::jit::Module module_;
  at::ScalarType pixel_type_ = at::kFloat;
};

std::shared_ptr<LoadedModule> loaded_module(std::shared_ptr<const Model> model,
                                            const EncoderOptions& options) {
  if (options.precision != Precision::kFloat32) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the torchscript engine does not compute in {}, and {} is run by "
                            "the torchscript engine{}",
                            name_of(options.precision), model->path(),
                            model->config().recognised ? "" : ": " + model->config().unrecognised));
  }
  if (!model->checkpoint().has_code()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the torchscript engine runs a file's own code, and {} has none: it is "
                            "a {} file",
                            model->path(), model->checkpoint().format()));
  }
  at::set_num_threads(options.threads);
  // Kept by the encoders; the second finds what the first has loaded.
  static std::mutex mutex;
  static std::map<std::pair<const Model*, std::string>, std::weak_ptr<LoadedModule>> modules;
  const std::lock_guard<std::mutex> lock(mutex);
  for (auto at = modules.begin(); at != modules.end();) {
    at = at->second.expired() ? modules.erase(at) : std::next(at);
  }
  std::weak_ptr<LoadedModule>& place = modules[{model.get(), options.device}];
  std::shared_ptr<LoadedModule> loaded = place.lock();
  if (loaded == nullptr) {
    loaded = std::make_shared<LoadedModule>(std::move(model), options.device);
    place = loaded;
  }
  return loaded;
}

class TorchScriptImageEncoder : public ImageEncoder {
 public:
  explicit TorchScriptImageEncoder(std::shared_ptr<LoadedModule> module)
      : module_(std::move(module)) {}

  Embeddings encode(const float* pixels, std::int64_t count) override {
    const std::int64_t side = module_->config().vision.image_size;
    Embeddings embeddings;
    for (std::int64_t begin = 0; begin < count; begin += kImageBatch) {
      const std::int64_t size = std::min(kImageBatch, count - begin);
      // from_blob wants a mutable pointer; the towers only read.
      float* first = const_cast<float*>(pixels) + begin * 3 * side * side;
      const at::Tensor batch = at::from_blob(first, {size, 3, side, side}, at::kFloat);
      module_->run("encode_image", batch.to(module_->pixel_type()), &embeddings);
    }
    embeddings.count = count;
    return embeddings;
  }

 private:
  const std::shared_ptr<LoadedModule> module_;
};

class TorchScriptTextEncoder : public TextEncoder {
 public:
  explicit TorchScriptTextEncoder(std::shared_ptr<LoadedModule> module)
      : module_(std::move(module)) {}

  Embeddings encode(const std::vector<TokenIds>& prompts) override {
    const std::int64_t context = module_->config().text.context_length;
    const auto count = static_cast<std::int64_t>(prompts.size());
    Embeddings embeddings;
    for (std::int64_t begin = 0; begin < count; begin += kTextBatch) {
      const std::int64_t size = std::min(kTextBatch, count - begin);
      const at::Tensor batch = at::zeros({size, context}, at::kLong);
      for (std::int64_t i = 0; i < size; ++i) {
        const TokenIds& ids = prompts[begin + i];
        std::copy(ids.begin(), ids.end(), batch.data_ptr<std::int64_t>() + i * context);
      }
      module_->run("encode_text", batch, &embeddings);
    }
    embeddings.count = count;
    return embeddings;
  }

 private:
  const std::shared_ptr<LoadedModule> module_;
};

}  // namespace

Engine torchscript_engine() {
  Engine engine = {};
  engine.name = "torchscript";
  engine.unsuitable = needs_own_code;
  engine.open_image_encoder = [](std::shared_ptr<const Model> model,
                                 const EncoderOptions& options) -> std::unique_ptr<ImageEncoder> {
    return std::make_unique<TorchScriptImageEncoder>(loaded_module(std::move(model), options));
  };
  engine.open_text_encoder = [](std::shared_ptr<const Model> model,
                                const EncoderOptions& options) -> std::unique_ptr<TextEncoder> {
    return std::make_unique<TorchScriptTextEncoder>(loaded_module(std::move(model), options));
  };
  return engine;
}

}  // namespace clip
