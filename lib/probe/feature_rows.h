// Vectors with a class each, to train a probe on or to measure one with: rows of an .npy file, read
// in blocks where they lie, so that a million of them need no memory of their own.
#pragma once

#include <cstdint>
#include <vector>

#include "embedding/npy_rows.h"

namespace clip {

// Which rows, and their classes. Rows keep their order.
struct LabelledRows {
  std::vector<std::uint32_t> rows;
  std::vector<std::int32_t> classes;  // as many; from 0

  std::int64_t count() const { return static_cast<std::int64_t>(rows.size()); }
};

// What makes vectors easy to train on, and leaves the minimum where it is (softmax_regression.h):
// (x - mean) / scale, `scale` being the root mean square of all numbers of x - mean.
struct FeatureScale {
  std::vector<float> mean;  // [dim]
  float scale = 1;
};

FeatureScale scale_of(const NpyRows& vectors, const LabelledRows& rows);

// The rows [first, first + count) of `rows`, scaled, into `to`, [count, dim].
void read_features(const NpyRows& vectors, const LabelledRows& rows, std::int64_t first,
                   std::int64_t count, const FeatureScale& scale, float* to);

// A share of each class, at least one row of a class that has two, and never all of one: held out
// by chance that depends on `seed` alone. `share` in (0, 1).
void hold_out(const LabelledRows& all, std::int64_t classes, double share, std::uint64_t seed,
              LabelledRows* rest, LabelledRows* held_out);

}  // namespace clip
