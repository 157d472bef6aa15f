// The one symbol that the module shows to the program. Both are built together, so that plain C++
// types pass between them.
#pragma once

#include "clip/engine.h"

namespace clip_cli {

// Gives the module's clip::torchscript_engine().
constexpr const char* kTorchScriptEntry = "clip_torchscript_entry";
using TorchScriptEntry = void (*)(clip::Engine* engine);

}  // namespace clip_cli
