// What the module gives to clip-cli.

#include "torchscript_module/module.h"

extern "C" __attribute__((visibility("default"))) void clip_torchscript_open(
    const clip_cli::TorchScriptRequest* request, std::unique_ptr<clip::Encoder>* encoder) {
  *encoder = clip::open_torchscript_encoder(request->model, request->device, request->threads);
}
