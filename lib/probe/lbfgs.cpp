#include "probe/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <utility>

namespace clip {
namespace {

// Of the strong Wolfe conditions: the values that Nocedal and Wright recommend for quasi-Newton
// methods.
constexpr double kDecrease = 1e-4, kCurvature = 0.9;
constexpr int kMaxTries = 30;  // evaluations of one line search

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// a += factor b
void add(double factor, const Vector& b, Vector* a) {
  for (std::size_t i = 0; i < b.size(); ++i) (*a)[i] += factor * b[i];
}

double largest(const Vector& a) {
  double most = 0;
  for (const double value : a) most = std::max(most, std::abs(value));
  return most;
}

// The last steps: s = x' - x and y = g' - g, with 1 / (y . s).
class History {
 public:
  explicit History(int memory) : memory_(static_cast<std::size_t>(memory)) {}

  void add(Vector step, Vector change) {
    const double product = dot(step, change);
    // The Wolfe conditions make it positive; rounding may not.
    if (!(product > 1e-16 * dot(change, change)) || !std::isfinite(product)) return;
    if (pairs_.size() == memory_) pairs_.pop_front();
    pairs_.push_back({std::move(step), std::move(change), 1 / product});
  }

  void clear() { pairs_.clear(); }
  bool empty() const { return pairs_.empty(); }

  // -H g, by the two loops of algorithm 7.4.
  Vector direction(const Vector& gradient) const {
    Vector q = gradient;
    std::vector<double> alphas(pairs_.size());
    for (std::size_t i = pairs_.size(); i-- > 0;) {
      alphas[i] = pairs_[i].inverse * dot(pairs_[i].step, q);
      clip::add(-alphas[i], pairs_[i].change, &q);
    }
    if (!pairs_.empty()) {
      const Pair& last = pairs_.back();
      const double scale = 1 / (last.inverse * dot(last.change, last.change));
      for (double& value : q) value *= scale;
    }
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const double beta = pairs_[i].inverse * dot(pairs_[i].change, q);
      clip::add(alphas[i] - beta, pairs_[i].step, &q);
    }
    for (double& value : q) value = -value;
    return q;
  }

 private:
  struct Pair {
    Vector step, change;
    double inverse;
  };
  std::size_t memory_;
  std::deque<Pair> pairs_;
};

// A point on the line, with f and its slope there.
struct Trial {
  double at = 0, value = 0, slope = 0;
};

// The minimum of the cubic through two points and their slopes (equation 3.59), kept a tenth of
// the interval away from its ends.
double cubic_minimum(const Trial& a, const Trial& b) {
  const double width = b.at - a.at;
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.at - b.at);
  const double square = d1 * d1 - a.slope * b.slope;
  double at = a.at + width / 2;
  if (square >= 0) {
    const double d2 = std::copysign(std::sqrt(square), width);
    const double found = b.at - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
    if (std::isfinite(found)) at = found;
  }
  const double low = std::min(a.at, b.at), high = std::max(a.at, b.at);
  const double margin = 0.1 * (high - low);
  return std::clamp(at, low + margin, high - margin);
}

// f along a direction from one point. `x` and `gradient` are those of the last trial.
class Line {
 public:
  Line(const Objective& objective, const Vector& from, double value, double slope,
       const Vector& direction)
      : objective_(objective),
        from_(from),
        direction_(direction),
        start_{0, value, slope},
        x_(from.size()),
        gradient_(from.size()) {}

  // A step that satisfies the strong Wolfe conditions; or the lowest that was found below the
  // start. False where none is below it.
  bool search(double first) {
    Trial before = start_;
    double at = first;
    while (tries_ < kMaxTries) {
      const Trial here = evaluate(at);
      if (!std::isfinite(here.value)) {
        at = (before.at + at) / 2;  // too far: the function has no number there
        continue;
      }
      if (!is_decrease(here) || (before.at > 0 && here.value >= before.value)) {
        return zoom(before, here);
      }
      if (is_flat(here)) return true;
      if (here.slope >= 0) return zoom(here, before);
      before = here;
      at *= 2;
    }
    return settle(before);
  }

  double value() const { return last_.value; }
  int tries() const { return tries_; }
  Vector take_x() { return std::move(x_); }
  Vector take_gradient() { return std::move(gradient_); }

 private:
  bool is_decrease(const Trial& trial) const {
    return trial.value <= start_.value + kDecrease * trial.at * start_.slope;
  }
  bool is_flat(const Trial& trial) const {
    return std::abs(trial.slope) <= -kCurvature * start_.slope;
  }

  Trial evaluate(double at) {
    ++tries_;
    for (std::size_t i = 0; i < from_.size(); ++i) x_[i] = from_[i] + at * direction_[i];
    last_.at = at;
    last_.value = objective_(x_, &gradient_);
    last_.slope = dot(gradient_, direction_);
    return last_;
  }

  // Algorithm 3.6. `low` is the lower end of the interval, which has a step that will do.
  bool zoom(Trial low, Trial high) {
    while (tries_ < kMaxTries && std::abs(high.at - low.at) > 1e-12 * std::max(1.0, high.at)) {
      const Trial here = evaluate(cubic_minimum(low, high));
      if (!is_decrease(here) || !(here.value < low.value)) {
        high = here;
      } else {
        if (is_flat(here)) return true;
        if (here.slope * (high.at - low.at) >= 0) high = low;
        low = here;
      }
    }
    return settle(low);
  }

  // The best there is, where tries or digits have run out.
  bool settle(const Trial& best) {
    if (best.at == 0 || !(best.value < start_.value)) return false;
    if (last_.at != best.at) evaluate(best.at);
    return true;
  }

  const Objective& objective_;
  const Vector& from_;
  const Vector& direction_;
  const Trial start_;
  Vector x_, gradient_;
  Trial last_;
  int tries_ = 0;
};

}  // namespace

LbfgsResult minimize(const Objective& objective, const LbfgsOptions& options,
                     std::vector<double>* x) {
  LbfgsResult result;
  Vector gradient(x->size());
  result.value = objective(*x, &gradient);
  result.evaluations = 1;
  History history(options.memory);
  while (largest(gradient) > options.gradient_tolerance) {
    if (result.iterations == options.max_iterations) return result;
    Vector direction = history.direction(gradient);
    double slope = dot(gradient, direction);
    if (!(slope < 0)) {  // rounding has spoiled the history
      history.clear();
      direction = history.direction(gradient);
      slope = dot(gradient, direction);
    }
    // Without a history nothing is known of the scale: a step of length 1 at most.
    const double first = history.empty() ? std::min(1.0, 1 / std::sqrt(-slope)) : 1.0;
    Line line(objective, *x, result.value, slope, direction);
    const bool found = line.search(first);
    result.evaluations += line.tries();
    if (!found) {
      if (history.empty()) break;  // along the gradient itself: no digit is left
      history.clear();
      continue;
    }
    ++result.iterations;
    Vector next = line.take_x(), next_gradient = line.take_gradient();
    const double gain = result.value - line.value();
    result.value = line.value();
    Vector step = next, change = next_gradient;
    add(-1, *x, &step);
    add(-1, gradient, &change);
    history.add(std::move(step), std::move(change));
    *x = std::move(next);
    gradient = std::move(next_gradient);
    if (gain <= options.value_tolerance * std::max(1.0, std::abs(result.value))) break;
  }
  result.converged = true;
  return result;
}

}  // namespace clip
