// In a build whose native engine needs LibTorch anyway, the torchscript engine is linked.
#include "clip/torchscript.h"
#include "torchscript_module/load.h"

namespace clip_cli {

clip::Engine torchscript_module_engine() {
  return clip::torchscript_engine();
}

}  // namespace clip_cli
