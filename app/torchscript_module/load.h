// The torchscript engine of the program: the library's own (clip/torchscript.h), in a module inside
// the binary that is loaded with LibTorch when an encoder is first opened with it. To load LibTorch
// takes longer than to score an image natively, so the program does not link it.
#pragma once

#include "clip/engine.h"

namespace clip_cli {

// To be registered. Whether it suits a model, which "auto" asks at every start, is answered without
// the module. Its encoders are opened by the module, and throw Error where LibTorch cannot be
// loaded; it stays loaded until the process ends.
clip::Engine torchscript_module_engine();

}  // namespace clip_cli
