// The one symbol that the module shows to the program. Both are built together, so that plain C++
// types pass between them.
#pragma once

#include "libtorch_module/load.h"

namespace clip_cli {

// Gives the module's clip::libtorch_engine() and clip::torchscript_engine().
constexpr const char* kLibTorchEntry = "clip_libtorch_entry";
using LibTorchEntry = void (*)(LibTorchEngines* engines);

}  // namespace clip_cli
