// The engines of the program that need LibTorch: the library's own (clip/libtorch.h,
// clip/torchscript.h), in a module inside the binary that is loaded with LibTorch when an encoder
// is first opened with one of them. To load LibTorch takes longer than to score an image natively,
// so the program does not link it.
#pragma once

#include "clip/engine.h"

namespace clip_cli {

struct LibTorchEngines {
  clip::Engine libtorch, torchscript;
};

// To be registered in this order. Whether they suit a model, which "auto" asks at every start, is
// answered without the module. Their encoders are opened by the module, and throw Error where
// LibTorch cannot be loaded; it stays loaded until the process ends.
LibTorchEngines libtorch_module_engines();

}  // namespace clip_cli
