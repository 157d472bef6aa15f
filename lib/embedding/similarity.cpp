#include "clip/embeddings.h"

namespace clip {

std::vector<double> cosines_with(const float* embedding, const Embeddings& others) {
  std::vector<double> cosines;
  cosines.reserve(static_cast<std::size_t>(others.count));
  for (std::int64_t i = 0; i < others.count; ++i) {
    const float* other = others.row(i);
    double dot = 0;
    for (std::int64_t k = 0; k < others.dim; ++k) dot += double(embedding[k]) * other[k];
    cosines.push_back(dot);
  }
  return cosines;
}

}  // namespace clip
