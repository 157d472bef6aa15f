// L-BFGS: minimizes a smooth function of many variables from its gradients, by the limited-memory
// inverse Hessian of the last steps and a line search that satisfies the strong Wolfe conditions
// (Nocedal and Wright, Numerical Optimization, 2nd edition, algorithms 7.4, 7.5, 3.5 and 3.6).
//
// It is the project's own: of the libraries that Debian 12 has, libLBFGS has been left alone since
// 2010, LBFGS++ is at 0.1.0 and needs Eigen, and NLopt and dlib are much more than this.
#pragma once

#include <functional>
#include <vector>

namespace clip {

// f(x), and its gradient into `gradient`, which has the size of x. May throw, which ends the
// search.
using Objective =
    std::function<double(const std::vector<double>& x, std::vector<double>* gradient)>;

struct LbfgsOptions {
  int max_iterations = 1000;
  int memory = 10;                   // steps that the inverse Hessian is made of
  double gradient_tolerance = 1e-6;  // ends when no part of the gradient is larger
  double value_tolerance = 1e-9;     // ends when a step lowers f by less than this share of it, or,
                                     // of f below 1, by less than this
};

struct LbfgsResult {
  double value = 0;  // f at the end
  int iterations = 0;
  int evaluations = 0;     // of the objective
  bool converged = false;  // by one of the tolerances; not by the number of iterations
};

// Moves `x` to a minimum. Where rounding leaves no step that lowers f, it ends there, converged.
LbfgsResult minimize(const Objective& objective, const LbfgsOptions& options,
                     std::vector<double>* x);

}  // namespace clip
