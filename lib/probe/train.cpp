#include "probe/train.h"

#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "clip/error.h"
#include "probe/lbfgs.h"

namespace clip {
namespace {

// Strengths are counted in eighths of a decade.
constexpr int kSteps = 8, kFirst = -6 * kSteps, kLast = 6 * kSteps, kCoarse = 2 * kSteps;

double strength_of(int eighths) {
  return std::pow(10.0, static_cast<double>(eighths) / kSteps);
}

bool is_better(const TriedStrength& a, const TriedStrength& b) {
  if (a.accuracy != b.accuracy) return a.accuracy > b.accuracy;
  if (a.cross_entropy != b.cross_entropy) return a.cross_entropy < b.cross_entropy;
  return a.l2 > b.l2;
}

struct Fit {
  std::vector<double> x;
  LbfgsResult result;
};

// From where another strength has led: near it, that is nearly there. The penalty curves the
// objective along weights and not along biases; a strong one would leave the biases far behind. So
// what is searched for is the weights divided by a factor that takes the penalty's part of the
// curvature away: of the loss alone it is at most 1/4 along either.
Fit fit(const SoftmaxRegression& regression, double l2, std::vector<double> start,
        const TrainOptions& options) {
  const std::size_t weights = regression.weights();
  const double factor = 1 / std::sqrt(1 + 4 * regression.penalty_curvature(l2));
  LbfgsOptions lbfgs;
  lbfgs.max_iterations = options.max_iterations;
  Fit found;
  for (std::size_t i = 0; i < weights; ++i) start[i] /= factor;
  std::vector<double> at(start.size());
  found.x = std::move(start);
  found.result = minimize(
      [&](const std::vector<double>& x, std::vector<double>* gradient) {
        at = x;
        for (std::size_t i = 0; i < weights; ++i) at[i] *= factor;
        const double value = regression.value(at, l2, gradient);
        for (std::size_t i = 0; i < weights; ++i) (*gradient)[i] *= factor;
        return value;
      },
      lbfgs, &found.x);
  for (std::size_t i = 0; i < weights; ++i) found.x[i] *= factor;
  return found;
}

// Tries strengths on the rows that are not held out, each once.
class Sweep {
 public:
  Sweep(const NpyRows& vectors, const LabelledRows& rows, std::int64_t classes,
        const TrainOptions& options)
      : vectors_(vectors), options_(options) {
    hold_out(rows, classes, options.held_out, options.seed, &rest_, &held_out_);
    if (held_out_.count() == 0) {
      throw Error(ErrorCode::kInvalidArgument,
                  "every class has one vector alone, so that none can be held out to choose the "
                  "penalty by; add vectors, or give the penalty");
    }
    scale_ = scale_of(vectors, rest_);
    regression_.emplace(vectors, rest_, classes, scale_, options.stop);
    start_.resize(regression_->variables());
  }

  // The eighths of a decade that are best.
  int best() {
    // From the strongest penalty on, whose minimum is the nearest to zero.
    for (int at = kLast; at >= kFirst; at -= kCoarse) try_out(at);
    int best = best_so_far();
    for (int step = kCoarse / 2; step >= 1; step /= 2) {
      for (const int at : {best + step, best - step}) {
        if (at >= kFirst && at <= kLast) try_out(at);
      }
      best = best_so_far();
    }
    return best;
  }

  const std::map<int, TriedStrength>& tried() const { return tried_; }
  ClassifierQuality quality(int at) const { return qualities_.at(at); }

 private:
  static constexpr int kAbout = 15;  // 7, then 2 for each halving

  int best_so_far() const {
    auto best = tried_.begin();
    for (auto each = tried_.begin(); each != tried_.end(); ++each) {
      if (is_better(each->second, best->second)) best = each;
    }
    return best->first;
  }

  void try_out(int at) {
    if (tried_.count(at) > 0) return;
    if (options_.progress) options_.progress(static_cast<int>(tried_.size()) + 1, kAbout + 1);
    const double l2 = strength_of(at);
    Fit found = fit(*regression_, l2, start_, options_);
    const ClassifierQuality quality =
        quality_of(regression_->classifier(found.x), vectors_, held_out_, options_.stop);
    tried_[at] = {l2, quality.accuracy(), quality.cross_entropy, found.result.iterations,
                  found.result.converged};
    qualities_[at] = quality;
    // The next is weaker, or lies between two that were tried: this is a good place to begin.
    start_ = std::move(found.x);
  }

  const NpyRows& vectors_;
  const TrainOptions& options_;
  LabelledRows rest_, held_out_;
  FeatureScale scale_;
  std::optional<SoftmaxRegression> regression_;
  std::vector<double> start_;
  std::map<int, TriedStrength> tried_;
  std::map<int, ClassifierQuality> qualities_;
};

}  // namespace

Trained train_probe(const NpyRows& vectors, const LabelledRows& rows, std::int64_t classes,
                    const TrainOptions& options) {
  Trained trained;
  trained.l2 = options.l2;
  int steps = 1;
  if (!(options.l2 >= 0)) {
    Sweep sweep(vectors, rows, classes, options);
    const int best = sweep.best();
    trained.l2 = strength_of(best);
    trained.validation = sweep.quality(best);
    for (const auto& [at, tried] : sweep.tried()) trained.tried.push_back(tried);
    steps = static_cast<int>(trained.tried.size()) + 1;
  }
  if (options.progress) options.progress(steps, steps);
  const FeatureScale scale = scale_of(vectors, rows);
  const SoftmaxRegression regression(vectors, rows, classes, scale, options.stop);
  const Fit found =
      fit(regression, trained.l2, std::vector<double>(regression.variables()), options);
  trained.iterations = found.result.iterations;
  trained.converged = found.result.converged;
  trained.classifier = regression.classifier(found.x);
  trained.training = quality_of(trained.classifier, vectors, rows, options.stop);
  return trained;
}

}  // namespace clip
