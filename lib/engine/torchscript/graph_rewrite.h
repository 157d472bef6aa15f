// Makes a TorchScript module that was traced on a GPU in half precision run on a CPU in float32.
// Includes LibTorch's headers: for the torchscript encoder only.
#pragma once

#include <torch/csrc/jit/api/module.h>

namespace clip {

// In every method of every submodule: devices become "cpu", and the types float16 and bfloat16,
// wherever an operator takes a `dtype`, become float32, as do constant tensors. All floating-point
// parameters and buffers become float32. Must happen before the first call of any method.
void rewrite_for_cpu(torch::jit::Module* module);

}  // namespace clip
