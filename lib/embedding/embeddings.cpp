#include "clip/embeddings.h"

#include <cmath>

namespace clip {

double normalize(float* embedding, std::int64_t dim) {
  double square = 0;
  for (std::int64_t i = 0; i < dim; ++i) square += double(embedding[i]) * embedding[i];
  const double norm = std::sqrt(square);
  if (!usable_norm(norm)) return norm;
  for (std::int64_t i = 0; i < dim; ++i) embedding[i] = static_cast<float>(embedding[i] / norm);
  return norm;
}

bool usable_norm(double norm) {
  return norm > 0 && std::isfinite(norm);
}

}  // namespace clip
