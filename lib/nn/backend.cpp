#include "nn/backend.h"

#include "nn/backends/plain/backend.h"
#if defined(CLIP_WITH_ONEDNN)
#include "nn/backends/onednn/backend.h"
#endif

namespace clip {

const std::vector<const Backend*>& backends() {
  static const std::vector<const Backend*> all = {
#if defined(CLIP_WITH_ONEDNN)
    &onednn::backend(),
#endif
    &plain::backend(),
  };
  return all;
}

const Backend& default_backend() {
  return *backends().front();
}

Precision available_precision(Precision wanted, const Backend& backend) {
  return backend.computes(wanted) ? wanted : Precision::kFloat32;
}

LayerTypes layer_types(Precision precision, const Backend& backend) {
  switch (precision) {
    case Precision::kBFloat16:
      return kAllBFloat16;
    case Precision::kInt8:
      return {ElementType::kInt8, backend.computes(Precision::kBFloat16) ? ElementType::kBFloat16
                                                                         : ElementType::kFloat32};
    case Precision::kFloat32:
    case Precision::kFloat16:
      break;
  }
  return kAllFloat32;
}

}  // namespace clip
