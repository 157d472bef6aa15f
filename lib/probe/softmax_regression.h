// Multinomial logistic regression, that is softmax regression with a penalty on the squares of the
// weights:
//
//   minimize  sum over rows of -log softmax(W x + b)[class]  +  l2 / 2 sum of W^2
//
// which is scikit-learn's LogisticRegression(C=1/l2, multi_class="multinomial"): biases are not
// penalized. Inside, it is that sum over the number of rows, on scaled vectors (feature_rows.h):
// with V = W scale and c = b + W mean it has the same minimum, and gradients of one size.
//
// Products are computed in float, sums over blocks of rows in double, on OpenMP's threads. Results
// do not depend on their number.
#pragma once

#include <cstdint>
#include <vector>

#include "clip/cancel.h"
#include "clip/embeddings.h"
#include "probe/feature_rows.h"

namespace clip {

// W, a row each class, and b: what a probe computes with.
struct LinearClassifier {
  Embeddings weights;         // [classes, dim]
  std::vector<float> biases;  // [classes]
};

class SoftmaxRegression {
 public:
  // All must outlive it. `stop`: null, or what ends a computation with an Error (kCancelled).
  SoftmaxRegression(const NpyRows& vectors, const LabelledRows& rows, std::int64_t classes,
                    const FeatureScale& scale, const CancelToken* stop);

  // Variables: V [classes, dim], then c [classes].
  std::size_t variables() const { return static_cast<std::size_t>(classes_ * (dim_ + 1)); }
  std::size_t weights() const { return static_cast<std::size_t>(classes_ * dim_); }

  // What the penalty adds to the second derivative along each number of V.
  double penalty_curvature(double l2) const;

  // The objective, divided by the number of rows, and its gradient.
  double value(const std::vector<double>& x, double l2, std::vector<double>* gradient) const;

  LinearClassifier classifier(const std::vector<double>& x) const;

 private:
  const NpyRows& vectors_;
  const LabelledRows& rows_;
  const std::int64_t classes_, dim_;
  const FeatureScale& scale_;
  const CancelToken* const stop_;
};

// How good a classifier is.
struct ClassifierQuality {
  std::uint64_t rows = 0, right = 0;  // right: the class has the greatest logit; of equal ones the
                                      // first class
  double cross_entropy = 0;           // the mean of -log probability of the class, in nats

  double accuracy() const { return rows == 0 ? 0 : double(right) / double(rows); }
};

ClassifierQuality quality_of(const LinearClassifier& classifier, const NpyRows& vectors,
                             const LabelledRows& rows, const CancelToken* stop);

// W x + b for `count` vectors [count, dim]: `logits` [count, classes]. On OpenMP's threads.
void logits_of(const LinearClassifier& classifier, const float* vectors, std::int64_t count,
               float* logits);

}  // namespace clip
