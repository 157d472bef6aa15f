// In a build whose native engine needs LibTorch anyway, its other engines are linked.
#include "clip/libtorch.h"
#include "clip/torchscript.h"
#include "libtorch_module/load.h"

namespace clip_cli {

LibTorchEngines libtorch_module_engines() {
  return {clip::libtorch_engine(), clip::torchscript_engine()};
}

}  // namespace clip_cli
