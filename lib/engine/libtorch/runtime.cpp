#include "libtorch/runtime.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <algorithm>

#include "clip/error.h"

namespace clip::libtorch {

at::Device parse_device(const std::string& name) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() && text.size() < 4 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (name == "cpu") return at::Device(at::kCPU);
  const bool numbered = name.rfind("cuda:", 0) == 0 && is_number(name.substr(5));
  if (name != "cuda" && !numbered) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("unknown device '{}': expected cpu, cuda or cuda:N", name));
  }
  // Runtime: whether LibTorch was built with CUDA; CUDA: whether there is a GPU that it can use.
  if (!at::globalContext().hasCUDART()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("device {} asked for, but this LibTorch ({}) was built without CUDA",
                            name, TORCH_VERSION),
                Hint::kUseCpu);
  }
  if (!at::hasCUDA()) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("device {} asked for, but CUDA finds no GPU on this machine", name),
                Hint::kUseCpu);
  }
  const int index = numbered ? std::stoi(name.substr(5)) : 0;
  const int devices = at::detail::getCUDAHooks().getNumGPUs();
  if (index >= devices) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("device {} asked for, but the number of GPUs here is {}", name, devices));
  }
  return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

std::string first_lines(const std::string& message) {
  std::string text = message.substr(0, message.find("\nException raised from"));
  constexpr std::size_t kMax = 600;
  if (text.size() > kMax) text = text.substr(0, kMax) + " ...";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace clip::libtorch
