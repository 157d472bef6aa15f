#include "encoder/torchscript_encoder.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <utility>

#include "encoder/graph_rewrite.h"
#include "error.h"

namespace clip {
namespace {

// What is encoded at once; more gains nothing on a CPU and costs memory.
constexpr std::int64_t kImageBatch = 16;
constexpr std::int64_t kTextBatch = 32;

// LibTorch appends a C++ backtrace and the interpreter's stack to every message; people need the
// first lines, those up to the traceback.
std::string first_lines(const std::string& message) {
  std::string text = message.substr(0, message.find("\nException raised from"));
  constexpr std::size_t kMost = 600;
  if (text.size() > kMost) text = text.substr(0, kMost) + " ...";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

at::Device parse_device(const std::string& name) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.size() < 4 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (name == "cpu") return at::Device(at::kCPU);
  const bool numbered = name.rfind("cuda:", 0) == 0 && is_number(name.substr(5));
  if (name != "cuda" && !numbered) {
    throw Error(fmt::format("unknown device '{}': expected cpu, cuda or cuda:N", name));
  }
  if (!at::hasCUDA()) {
    throw Error(
        fmt::format("device {} asked for, but this LibTorch has no CUDA or finds no GPU; "
                    "use --device cpu, or build with a CUDA LibTorch",
                    name));
  }
  const int index = numbered ? std::stoi(name.substr(5)) : 0;
  const int devices = at::detail::getCUDAHooks().getNumGPUs();
  if (index >= devices) {
    throw Error(
        fmt::format("device {} asked for, but there are only {} CUDA devices", name, devices));
  }
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

}  // namespace

struct TorchScriptEncoder::Implementation {
  std::shared_ptr<const ModelFile> model;
  at::Device device{at::kCPU};
  torch::jit::Module module;
  at::ScalarType pixel_type = at::kFloat;

  void load() {
    try {
      module = torch::jit::load(model->path(), device);
    } catch (const std::exception& error) {
      throw Error(
          fmt::format("LibTorch cannot load {}: {}", model->path(), first_lines(error.what())));
    }
    for (const char* method : {"encode_image", "encode_text"}) {
      if (!module.find_method(method)) {
        throw Error(
            fmt::format("{} has no method {}; export the model with "
                        "scripts/export_torchscript.py",
                        model->path(), method));
      }
    }
    module.eval();
    if (device.is_cpu()) {
      rewrite_for_cpu(&module);
    } else {
      // Pictures enter in the type of the weights that they meet.
      for (const auto& parameter : module.named_parameters()) {
        if (parameter.name.find("conv1.weight") != std::string::npos) {
          pixel_type = parameter.value.scalar_type();
          break;
        }
      }
    }
  }

  // Calls a method on a [count, ...] tensor and appends its [count, dim] result.
  void run(const char* method, const at::Tensor& input, Embeddings* embeddings) {
    at::Tensor output;
    try {
      const at::NoGradGuard no_grad;
      // One or two calls a run never repay the profiling executor's recompilation.
      const torch::jit::GraphOptimizerEnabledGuard no_recompilation(false);
      output = module.get_method(method)({input.to(device)})
                   .toTensor()
                   .to(at::Device(at::kCPU), at::kFloat)
                   .contiguous();
    } catch (const std::exception& error) {
      throw Error(
          fmt::format("{} of {} failed: {}", method, model->path(), first_lines(error.what())));
    }
    if (output.dim() != 2 || output.size(0) != input.size(0) || output.size(1) == 0) {
      throw Error(fmt::format("{} of {} gives shape {}, expected [{}, embedding dimension]", method,
                              model->path(), to_string(output.sizes().vec()), input.size(0)));
    }
    embeddings->dim = output.size(1);
    const float* values = output.data_ptr<float>();
    embeddings->values.insert(embeddings->values.end(), values, values + output.numel());
  }
};

TorchScriptEncoder::TorchScriptEncoder(std::shared_ptr<const ModelFile> model,
                                       const std::string& device, int threads)
    : implementation_(std::make_unique<Implementation>()) {
  at::set_num_threads(threads);
  implementation_->model = std::move(model);
  implementation_->device = parse_device(device);
  implementation_->load();
}

TorchScriptEncoder::~TorchScriptEncoder() = default;

Embeddings TorchScriptEncoder::encode_images(const float* pixels, std::int64_t count) {
  const std::int64_t side = implementation_->model->config().vision.image_size;
  Embeddings embeddings;
  for (std::int64_t begin = 0; begin < count; begin += kImageBatch) {
    const std::int64_t size = std::min(kImageBatch, count - begin);
    // from_blob wants a mutable pointer; the towers only read.
    float* first = const_cast<float*>(pixels) + begin * 3 * side * side;
    const at::Tensor batch = at::from_blob(first, {size, 3, side, side}, at::kFloat);
    implementation_->run("encode_image", batch.to(implementation_->pixel_type), &embeddings);
  }
  embeddings.count = count;
  return embeddings;
}

Embeddings TorchScriptEncoder::encode_texts(const std::vector<TokenIds>& prompts) {
  const std::int64_t context = implementation_->model->config().text.context_length;
  const auto count = static_cast<std::int64_t>(prompts.size());
  Embeddings embeddings;
  for (std::int64_t begin = 0; begin < count; begin += kTextBatch) {
    const std::int64_t size = std::min(kTextBatch, count - begin);
    const at::Tensor batch = at::zeros({size, context}, at::kLong);
    for (std::int64_t i = 0; i < size; ++i) {
      const TokenIds& ids = prompts[begin + i];
      std::copy(ids.begin(), ids.end(), batch.data_ptr<std::int64_t>() + i * context);
    }
    implementation_->run("encode_text", batch, &embeddings);
  }
  embeddings.count = count;
  return embeddings;
}

std::unique_ptr<Encoder> open_torchscript_encoder(std::shared_ptr<const ModelFile> model,
                                                  const std::string& device, int threads) {
  return std::make_unique<TorchScriptEncoder>(std::move(model), device, threads);
}

}  // namespace clip
