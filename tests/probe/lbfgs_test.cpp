#include "probe/lbfgs.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace clip;

namespace {

// Rosenbrock's valley, in pairs of variables: its minimum is 0, where all are 1.
double rosenbrock(const std::vector<double>& x, std::vector<double>* gradient) {
  double value = 0;
  for (std::size_t i = 0; i < x.size(); i += 2) {
    const double across = x[i + 1] - x[i] * x[i], along = 1 - x[i];
    value += 100 * across * across + along * along;
    (*gradient)[i] = -400 * across * x[i] - 2 * along;
    (*gradient)[i + 1] = 200 * across;
  }
  return value;
}

}  // namespace

TEST_CASE("the minimum of a curved valley is found") {
  std::vector<double> x;
  for (int i = 0; i < 50; ++i) x.insert(x.end(), {-1.2, 1});
  LbfgsOptions options;
  options.value_tolerance = 0;
  const LbfgsResult result = minimize(rosenbrock, options, &x);
  CHECK(result.converged);
  CHECK(result.iterations < 60);
  CHECK(result.value < 1e-10);
  for (const double value : x) CHECK(std::abs(value - 1) < 1e-5);
}

TEST_CASE("a quadratic whose curvatures differ by ten thousand is minimized") {
  const auto objective = [](const std::vector<double>& x, std::vector<double>* gradient) {
    double value = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double curvature = std::pow(10.0, double(i) / double(x.size() - 1) * 4 - 2);
      const double from = x[i] - double(i);
      value += curvature / 2 * from * from;
      (*gradient)[i] = curvature * from;
    }
    return value;
  };
  std::vector<double> x(20);
  LbfgsOptions options;
  options.gradient_tolerance = 1e-8;
  options.value_tolerance = 0;
  const LbfgsResult result = minimize(objective, options, &x);
  CHECK(result.converged);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(std::abs(x[i] - double(i)) < 1e-4);
}

TEST_CASE("a function that has no number far away is minimized all the same") {
  // x - log x, which is not a number below 0.
  const auto objective = [](const std::vector<double>& x, std::vector<double>* gradient) {
    (*gradient)[0] = 1 - 1 / x[0];
    return x[0] > 0 ? x[0] - std::log(x[0]) : std::numeric_limits<double>::quiet_NaN();
  };
  for (const double start : {1e-3, 0.5, 40.0}) {
    std::vector<double> x = {start};
    CHECK(minimize(objective, {}, &x).converged);
    CHECK(x[0] == doctest::Approx(1).epsilon(1e-4));
  }
}

TEST_CASE("the search ends where it is told, and where no digit is left") {
  std::vector<double> x = {-1.2, 1};
  LbfgsOptions options;
  options.max_iterations = 3;
  const LbfgsResult few = minimize(rosenbrock, options, &x);
  CHECK(few.iterations == 3);
  CHECK_FALSE(few.converged);
  CHECK(few.value < 24.2);

  options = {};
  options.gradient_tolerance = 0;
  options.value_tolerance = 0;
  const LbfgsResult all = minimize(rosenbrock, options, &x);
  CHECK(all.converged);
  CHECK(all.iterations < options.max_iterations);
  CHECK(std::abs(x[0] - 1) < 1e-6);

  std::vector<double> there = {1, 1};
  const LbfgsResult none = minimize(rosenbrock, {}, &there);
  CHECK(none.iterations == 0);
  CHECK(none.converged);
}

TEST_CASE("what the objective throws comes out") {
  std::vector<double> x = {0, 0};
  const auto objective = [](const std::vector<double>&, std::vector<double>*) -> double {
    throw 7;
  };
  CHECK_THROWS_AS(minimize(objective, {}, &x), int);
}
