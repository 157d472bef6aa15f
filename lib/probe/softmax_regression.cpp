#include "probe/softmax_regression.h"

#include <algorithm>
#include <cmath>

#include "clip/error.h"
#include "nn/parallel.h"
#include "nn/simd.h"
#include "probe/products.h"

namespace clip {
namespace {

constexpr std::int64_t kBlockNumbers = 4 << 20;  // of a block's vectors, and of its logits
constexpr std::int64_t kRowsAtOnce = 96;         // of a block, for a thread

// Rows of a block: what fits, and a multiple of what a thread takes.
std::int64_t block_rows(std::int64_t classes, std::int64_t dim) {
  const std::int64_t rows = kBlockNumbers / std::max(classes, dim);
  return std::clamp<std::int64_t>(rows / kRowsAtOnce, 1, 64) * kRowsAtOnce;
}

void check(const CancelToken* stop) {
  if (stop != nullptr && stop->cancelled()) {
    throw Error(ErrorCode::kCancelled, "interrupted");
  }
}

// The threads that are worth waking for a block: each for a million products, which take 20 us.
std::int64_t worth_threads(std::int64_t rows, std::int64_t classes, std::int64_t dim) {
  return 1 + rows * classes * dim / (1 << 20);
}

// The exponentials of a row less its maximum, in place, and their sum.
template <typename F>
CLIP_INLINE float exponentials(float* row, std::int64_t count, float max) {
  F sum = {};
  std::int64_t i = 0;
  for (; i + kLanesOf<F> <= count; i += kLanesOf<F>) {
    F v;
    load(row + i, &v);
    exp_of(v - max, &v);
    store(row + i, v);
    sum += v;
  }
  float total = sum_of(sum);
  for (; i < count; ++i) {
    row[i] = std::exp(row[i] - max);
    total += row[i];
  }
  return total;
}

CLIP_KERNEL(float exponentials_of(float* row, std::int64_t count, float max),
            return exponentials<F>(row, count, max);)

// Logits become probabilities less 1 at the row's class: the loss's gradient by the logits. Gives
// the loss.
double to_gradient(float* row, std::int64_t classes, std::int32_t truth) {
  const float max = *std::max_element(row, row + classes);
  const float of_truth = row[truth] - max;
  const float sum = exponentials_of(row, classes, max);
  const float inverse = 1 / sum;
  for (std::int64_t i = 0; i < classes; ++i) row[i] *= inverse;
  row[truth] -= 1;
  return std::log(double(sum)) - of_truth;
}

// The logits of rows of a block, with weights and biases in float.
void block_logits(const float* vectors, std::int64_t count, std::int64_t dim, const float* weights,
                  const float* biases, std::int64_t classes, float* logits) {
  multiply({vectors, dim, 1}, {weights, 1, dim}, count, classes, dim, logits, classes);
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t c = 0; c < classes; ++c) logits[r * classes + c] += biases[c];
  }
}

}  // namespace

SoftmaxRegression::SoftmaxRegression(const NpyRows& vectors, const LabelledRows& rows,
                                     std::int64_t classes, const FeatureScale& scale,
                                     const CancelToken* stop)
    : vectors_(vectors),
      rows_(rows),
      classes_(classes),
      dim_(vectors.dim()),
      scale_(scale),
      stop_(stop) {}

double SoftmaxRegression::penalty_curvature(double l2) const {
  // In W = V / scale.
  return l2 / (double(scale_.scale) * scale_.scale) /
         static_cast<double>(std::max<std::int64_t>(1, rows_.count()));
}

double SoftmaxRegression::value(const std::vector<double>& x, double l2,
                                std::vector<double>* gradient) const {
  const std::int64_t weights = classes_ * dim_;
  const std::vector<float> narrow(x.begin(), x.end());
  const float* const biases = narrow.data() + weights;
  const std::int64_t block = std::min(rows_.count(), block_rows(classes_, dim_));
  std::vector<float> features(static_cast<std::size_t>(block * dim_));
  std::vector<float> logits(static_cast<std::size_t>(block * classes_));
  std::vector<double> losses(static_cast<std::size_t>(block));
  std::fill(gradient->begin(), gradient->end(), 0.0);
  const ThreadLimit limit(worth_threads(block, classes_, dim_));

  // Parts of the gradient, each by one thread, so that every sum has one order.
  constexpr std::int64_t kPartClasses = 96, kPartNumbers = 128;
  const std::int64_t across = (dim_ + kPartNumbers - 1) / kPartNumbers;
  const std::int64_t parts = (classes_ + kPartClasses - 1) / kPartClasses * across;

  double loss = 0;
  for (std::int64_t first = 0; first < rows_.count(); first += block) {
    check(stop_);
    const std::int64_t count = std::min(block, rows_.count() - first);
    read_features(vectors_, rows_, first, count, scale_, features.data());
    parallel_for((count + kRowsAtOnce - 1) / kRowsAtOnce, [&](std::int64_t i) {
      const std::int64_t begin = i * kRowsAtOnce, some = std::min(kRowsAtOnce, count - begin);
      float* const to = logits.data() + begin * classes_;
      block_logits(features.data() + begin * dim_, some, dim_, narrow.data(), biases, classes_, to);
      for (std::int64_t r = 0; r < some; ++r) {
        losses[static_cast<std::size_t>(begin + r)] =
            to_gradient(to + r * classes_, classes_,
                        rows_.classes[static_cast<std::size_t>(first + begin + r)]);
      }
    });
    for (std::int64_t r = 0; r < count; ++r) loss += losses[static_cast<std::size_t>(r)];
    parallel_for(parts, [&](std::int64_t part) {
      const std::int64_t c0 = part / across * kPartClasses, d0 = part % across * kPartNumbers;
      const std::int64_t c_count = std::min(kPartClasses, classes_ - c0);
      const std::int64_t d_count = std::min(kPartNumbers, dim_ - d0);
      float sums[kPartClasses * kPartNumbers];
      multiply({logits.data() + c0, 1, classes_}, {features.data() + d0, dim_, 1}, c_count, d_count,
               count, sums, kPartNumbers);
      for (std::int64_t c = 0; c < c_count; ++c) {
        double* const to = gradient->data() + (c0 + c) * dim_ + d0;
        for (std::int64_t d = 0; d < d_count; ++d) to[d] += double(sums[c * kPartNumbers + d]);
      }
      if (d0 > 0) return;
      for (std::int64_t c = c0; c < c0 + c_count; ++c) {
        double sum = 0;
        for (std::int64_t r = 0; r < count; ++r) sum += double(logits.data()[r * classes_ + c]);
        (*gradient)[static_cast<std::size_t>(weights + c)] += sum;
      }
    });
  }

  const double share = 1 / static_cast<double>(std::max<std::int64_t>(1, rows_.count()));
  const double penalty = penalty_curvature(l2);
  double squares = 0;
  for (std::int64_t i = 0; i < weights; ++i) {
    const auto at = static_cast<std::size_t>(i);
    squares += x[at] * x[at];
    (*gradient)[at] = (*gradient)[at] * share + penalty * x[at];
  }
  for (std::size_t i = static_cast<std::size_t>(weights); i < x.size(); ++i)
    (*gradient)[i] *= share;
  return loss * share + penalty / 2 * squares;
}

LinearClassifier SoftmaxRegression::classifier(const std::vector<double>& x) const {
  LinearClassifier classifier;
  classifier.weights.count = classes_;
  classifier.weights.dim = dim_;
  for (std::int64_t c = 0; c < classes_; ++c) {
    double bias = x[static_cast<std::size_t>(classes_ * dim_ + c)];
    for (std::int64_t d = 0; d < dim_; ++d) {
      const double weight = x[static_cast<std::size_t>(c * dim_ + d)] / scale_.scale;
      classifier.weights.values.push_back(static_cast<float>(weight));
      bias -= weight * scale_.mean[static_cast<std::size_t>(d)];
    }
    classifier.biases.push_back(static_cast<float>(bias));
  }
  return classifier;
}

void logits_of(const LinearClassifier& classifier, const float* vectors, std::int64_t count,
               float* logits) {
  const std::int64_t classes = classifier.weights.count, dim = classifier.weights.dim;
  parallel_for((count + kRowsAtOnce - 1) / kRowsAtOnce, [&](std::int64_t i) {
    const std::int64_t begin = i * kRowsAtOnce, some = std::min(kRowsAtOnce, count - begin);
    block_logits(vectors + begin * dim, some, dim, classifier.weights.values.data(),
                 classifier.biases.data(), classes, logits + begin * classes);
  });
}

ClassifierQuality quality_of(const LinearClassifier& classifier, const NpyRows& vectors,
                             const LabelledRows& rows, const CancelToken* stop) {
  const std::int64_t classes = classifier.weights.count, dim = classifier.weights.dim;
  const std::int64_t block = std::min(rows.count(), block_rows(classes, dim));
  std::vector<float> features(static_cast<std::size_t>(block * dim));
  std::vector<float> logits(static_cast<std::size_t>(block * classes));
  const ThreadLimit limit(worth_threads(block, classes, dim));
  ClassifierQuality quality;
  quality.rows = static_cast<std::uint64_t>(rows.count());
  double loss = 0;
  for (std::int64_t first = 0; first < rows.count(); first += block) {
    check(stop);
    const std::int64_t count = std::min(block, rows.count() - first);
    for (std::int64_t i = 0; i < count; ++i) {
      vectors.read(rows.rows[static_cast<std::size_t>(first + i)], 1, features.data() + i * dim);
    }
    logits_of(classifier, features.data(), count, logits.data());
    for (std::int64_t i = 0; i < count; ++i) {
      float* const row = logits.data() + i * classes;
      const std::int32_t truth = rows.classes[static_cast<std::size_t>(first + i)];
      if (std::max_element(row, row + classes) == row + truth) ++quality.right;
      loss += to_gradient(row, classes, truth);
    }
  }
  if (rows.count() > 0) quality.cross_entropy = loss / static_cast<double>(rows.count());
  return quality;
}

}  // namespace clip
