#include "probe/feature_rows.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "nn/parallel.h"

namespace clip {

FeatureScale scale_of(const NpyRows& vectors, const LabelledRows& rows) {
  const auto dim = static_cast<std::size_t>(vectors.dim());
  std::vector<double> sum(dim), squares(dim);
  std::vector<float> row(dim);
  for (const std::uint32_t at : rows.rows) {
    vectors.read(at, 1, row.data());
    for (std::size_t i = 0; i < dim; ++i) {
      sum[i] += row[i];
      squares[i] += double(row[i]) * row[i];
    }
  }
  FeatureScale scale;
  const auto count = static_cast<double>(std::max<std::size_t>(1, rows.rows.size()));
  double variance = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double mean = sum[i] / count;
    variance += std::max(0.0, squares[i] / count - mean * mean);
    scale.mean.push_back(static_cast<float>(mean));
  }
  const double std = std::sqrt(variance / static_cast<double>(dim));
  // Vectors that are all the same teach nothing, and must not be divided by nothing.
  if (std > 1e-12 && std::isfinite(std)) scale.scale = static_cast<float>(std);
  return scale;
}

void read_features(const NpyRows& vectors, const LabelledRows& rows, std::int64_t first,
                   std::int64_t count, const FeatureScale& scale, float* to) {
  const std::int64_t dim = vectors.dim();
  const float inverse = 1 / scale.scale;
  parallel_ranges(count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      float* row = to + i * dim;
      vectors.read(rows.rows[static_cast<std::size_t>(first + i)], 1, row);
      for (std::int64_t k = 0; k < dim; ++k) {
        row[k] = (row[k] - scale.mean[static_cast<std::size_t>(k)]) * inverse;
      }
    }
  });
}

void hold_out(const LabelledRows& all, std::int64_t classes, double share, std::uint64_t seed,
              LabelledRows* rest, LabelledRows* held_out) {
  std::vector<std::vector<std::size_t>> of_class(static_cast<std::size_t>(classes));
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    of_class[static_cast<std::size_t>(all.classes[i])].push_back(i);
  }
  std::vector<bool> is_out(all.rows.size());
  std::mt19937_64 random(seed);
  for (std::vector<std::size_t>& places : of_class) {
    if (places.size() < 2) continue;
    const auto wanted =
        static_cast<std::size_t>(std::llround(share * static_cast<double>(places.size())));
    const std::size_t out = std::clamp<std::size_t>(wanted, 1, places.size() - 1);
    // The first steps of Fisher and Yates's shuffle, with numbers of the generator itself: those of
    // the standard's distributions differ from library to library.
    for (std::size_t i = 0; i < out; ++i) {
      std::swap(places[i], places[i + random() % (places.size() - i)]);
      is_out[places[i]] = true;
    }
  }
  *rest = *held_out = {};
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    LabelledRows* const to = is_out[i] ? held_out : rest;
    to->rows.push_back(all.rows[i]);
    to->classes.push_back(all.classes[i]);
  }
}

}  // namespace clip
