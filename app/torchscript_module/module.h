// The torchscript engine as a module of its own, embedded into clip-cli and loaded with LibTorch
// only when it is asked for. Both sides are built together, so plain C++ types pass between them.
#pragma once

#include <memory>
#include <string>

#include "encoder/torchscript_encoder.h"

namespace clip_cli {

struct TorchScriptRequest {
  std::shared_ptr<const clip::ModelFile> model;
  std::string device;
  int threads;
};

// The module's one symbol; throws what clip::open_torchscript_encoder does.
constexpr const char* kTorchScriptEntry = "clip_torchscript_open";
using TorchScriptEntry = void (*)(const TorchScriptRequest*, std::unique_ptr<clip::Encoder>*);

}  // namespace clip_cli
