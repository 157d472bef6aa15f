/// \file
/// The engine "torchscript": runs the file's own encode_image and encode_text in LibTorch's
/// interpreter. It is the reference that other engines are held to, for any export that has these
/// two methods, on any device. On the CPU it computes in float32 whatever the weights are stored
/// in; on CUDA the export runs as it is. Loading compiles the code in the file and runs any
/// __setstate__ in it: for trusted files only.
///
/// A library of its own, for it needs LibTorch: target clip_cli::torchscript.
#pragma once

#include "clip/engine.h"

namespace clip {

/// To be registered: register_engine(torchscript_engine()). It sets LibTorch's number of threads
/// for the process.
Engine torchscript_engine();

}  // namespace clip
