/// \file
/// Embeddings of images or prompts, a row each: what the towers give and similarity compares.
#pragma once

#include <cstdint>
#include <vector>

namespace clip {

/// A matrix of embeddings.
struct Embeddings {
  std::int64_t count = 0;     ///< rows
  std::int64_t dim = 0;       ///< numbers of a row
  std::vector<float> values;  ///< [count, dim], row-major

  /// [dim], row `index`, which must be there.
  const float* row(std::int64_t index) const { return values.data() + index * dim; }
  /// [dim]
  float* row(std::int64_t index) { return values.data() + index * dim; }
};

/// Divides the `dim` numbers of an embedding by their Euclidean norm, so that dot products are
/// cosines, and gives that norm. An embedding whose norm is zero or not finite stays as it is: such
/// a model has no answer, and must not seem to have one.
double normalize(float* embedding, std::int64_t dim);

/// Whether that norm is neither zero nor infinite nor NaN.
bool usable_norm(double norm);

/// Cosines of one embedding with every row of `others`, [others]. All must have been normalized,
/// and have the same dimension.
std::vector<double> cosines_with(const float* embedding, const Embeddings& others);

}  // namespace clip
