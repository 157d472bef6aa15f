// The module's side: all other symbols of it are hidden.

#include "libtorch_module/entry.h"

#include "clip/libtorch.h"
#include "clip/torchscript.h"

extern "C" __attribute__((visibility("default"))) void clip_libtorch_entry(
    clip_cli::LibTorchEngines* engines) {
  *engines = {clip::libtorch_engine(), clip::torchscript_engine()};
}
