#include "nn/linear.h"

#include <utility>

namespace clip {

Linear Linear::load(Loader* loader, const std::string& scope, Epilogue epilogue) {
  const Shape& shape = loader->weight(scope + ".weight").shape;
  std::vector<float> bias = loader->vector(scope + ".bias");
  return Linear(loader, loader->read(scope + ".weight"), std::move(bias), shape[0], shape[1],
                epilogue);
}

Linear Linear::load_projection(Loader* loader, const std::string& name) {
  const Shape& shape = loader->weight(name).shape;
  const float* matrix = loader->read(name);
  std::vector<float> transposed(static_cast<std::size_t>(shape[0] * shape[1]));
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) transposed[j * shape[0] + i] = *matrix++;
  }
  Loader exact = loader->with(Precision::kFloat32);
  return Linear(&exact, transposed.data(), {}, shape[1], shape[0], Epilogue::kNone);
}

}  // namespace clip
