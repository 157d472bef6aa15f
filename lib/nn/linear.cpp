#include "nn/linear.h"

#include <utility>

namespace clip {

Linear Linear::load(Loader* loader, const std::string& scope, Epilogue epilogue) {
  const Shape& shape = loader->shape(scope + ".weight");
  std::vector<float> bias = loader->vector(scope + ".bias");
  return Linear(loader, loader->read(scope + ".weight"), std::move(bias), shape[0], shape[1],
                epilogue);
}

Linear Linear::load_projection(Loader* loader, const std::string& scope) {
  const Shape& shape = loader->shape(scope + ".weight");
  Loader exact = loader->with(Precision::kFloat32);
  return Linear(&exact, loader->read(scope + ".weight"), {}, shape[0], shape[1], Epilogue::kNone);
}

}  // namespace clip
