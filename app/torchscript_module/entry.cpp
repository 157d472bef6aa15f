// The module's side: all other symbols of it are hidden.

#include "torchscript_module/entry.h"

#include "clip/torchscript.h"

extern "C" __attribute__((visibility("default"))) void clip_torchscript_entry(
    clip::Engine* engine) {
  *engine = clip::torchscript_engine();
}
