/// \file
/// The engine "libtorch": both towers in LibTorch's operators, built of the weights alone, so that
/// nothing in a file is compiled or run. For models whose weights are recognised, on any device:
/// float32 and bfloat16 everywhere, float16 on GPUs. In float32 on the CPU its scores (100 x
/// cosine) are the native engine's to 1e-4.
///
/// In the library of the engine "torchscript", for it needs LibTorch: target clip_cli::torchscript.
#pragma once

#include "clip/engine.h"

namespace clip {

/// To be registered before the engine "torchscript", which "auto" then asks last:
/// register_engine(libtorch_engine()). Its encoders set LibTorch's number of threads for the
/// process, and turn off TensorFloat-32 in convolutions, which would cost exactness on GPUs.
Engine libtorch_engine();

}  // namespace clip
