// Embeddings of pictures or prompts, a row each: what the towers give and similarity compares.
#pragma once

#include <cstdint>
#include <vector>

namespace clip {

struct Embeddings {
  std::int64_t count = 0, dim = 0;
  std::vector<float> values;  // [count, dim], row-major

  const float* row(std::int64_t index) const { return values.data() + index * dim; }
};

// Divides every row by its Euclidean norm, so that dot products are cosines. Throws Error for a row
// that is zero or not finite: such a model has no answer, and must not seem to have one.
void normalize(Embeddings* embeddings);

}  // namespace clip
