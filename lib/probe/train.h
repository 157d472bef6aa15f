// Training a probe: the strength of the penalty is swept by a validation set, as in the linear
// probes of CLIP's paper (appendix A.3): from 10^-6 to 10^6, first in steps of two decades, then
// halving the interval around the best, down to 8 steps a decade. The probe is then trained on all
// rows with the best.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "probe/feature_rows.h"
#include "probe/softmax_regression.h"

namespace clip {

struct TrainOptions {
  double l2 = -1;             // not negative: is taken, and nothing is swept
  double held_out = 0.2;      // the share of each class that validates
  std::uint64_t seed = 0;     // of that choice
  int max_iterations = 1000;  // of L-BFGS, for each strength
  const CancelToken* stop = nullptr;
  // Told before each strength, from 1 on, of about how many.
  std::function<void(int step, int steps)> progress;
};

// One strength that was tried.
struct TriedStrength {
  double l2 = 0;
  double accuracy = 0, cross_entropy = 0;  // of the rows that were held out
  int iterations = 0;
  bool converged = false;
};

struct Trained {
  LinearClassifier classifier;
  double l2 = 0;
  std::vector<TriedStrength> tried;  // by l2; none where it was given
  // Of the strength that was taken, on the rows that were held out while it was chosen; of no rows
  // where nothing was swept.
  ClassifierQuality validation;
  ClassifierQuality training;  // of the result, on all rows that it was trained on
  int iterations = 0;          // of the last training
  bool converged = false;
};

// `classes` at least 2, each of which has rows. The best strength is the one with the highest
// accuracy; of equal ones the one with the least cross-entropy, then the greatest. Throws Error
// (kInvalidArgument) where no class has a row to hold out, and (kCancelled).
Trained train_probe(const NpyRows& vectors, const LabelledRows& rows, std::int64_t classes,
                    const TrainOptions& options);

}  // namespace clip
