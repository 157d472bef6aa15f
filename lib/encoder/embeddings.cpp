#include "encoder/embeddings.h"

#include <fmt/format.h>

#include <cmath>

#include "error.h"

namespace clip {

void normalize(Embeddings* embeddings) {
  for (std::int64_t i = 0; i < embeddings->count; ++i) {
    float* row = embeddings->values.data() + i * embeddings->dim;
    double square = 0;
    for (std::int64_t j = 0; j < embeddings->dim; ++j) square += double(row[j]) * row[j];
    const double norm = std::sqrt(square);
    if (!(norm > 0) || !std::isfinite(norm)) {
      throw Error(
          fmt::format("the model gives an embedding of length {}: its weights or its "
                      "precision do not suit this input",
                      norm));
    }
    for (std::int64_t j = 0; j < embeddings->dim; ++j) row[j] = static_cast<float>(row[j] / norm);
  }
}

}  // namespace clip
