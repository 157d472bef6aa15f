#include "image/coefficients.h"

#include <algorithm>
#include <cmath>

namespace clip {
namespace {

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

struct Filter {
  double (*weight)(double x);
  double support;
};

Filter filter_of(Interpolation interpolation) {
  return interpolation == Interpolation::kBilinear ? Filter{triangle, 1.0} : Filter{cubic, 2.0};
}

}  // namespace

std::int64_t Taps::begin() const {
  std::int64_t first = windows.front().start;
  for (const Window& window : windows) first = std::min(first, window.start);
  return first;
}

std::int64_t Taps::end() const {
  std::int64_t last = 0;
  for (const Window& window : windows) last = std::max(last, window.start + window.size);
  return last;
}

Taps resize_taps(Interpolation interpolation, std::int64_t in, std::int64_t out, std::int64_t first,
                 std::int64_t count) {
  const Filter filter = filter_of(interpolation);
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double stretch = std::max(scale, 1.0);
  const double support = filter.support * stretch;
  const double inverse = 1.0 / stretch;
  Taps taps;
  taps.windows.reserve(static_cast<std::size_t>(count));
  for (std::int64_t x = first; x < first + count; ++x) {
    const double center = (static_cast<double>(x) + 0.5) * scale;
    const auto start = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto end = std::min<std::int64_t>(static_cast<std::int64_t>(center + support + 0.5), in);
    Taps::Window window{start, end - start, static_cast<std::int64_t>(taps.weights.size())};
    double sum = 0;
    for (std::int64_t i = 0; i < window.size; ++i) {
      const double weight =
          filter.weight((static_cast<double>(i + start) - center + 0.5) * inverse);
      taps.weights.push_back(weight);
      sum += weight;
    }
    if (sum != 0.0) {
      for (std::int64_t i = 0; i < window.size; ++i) taps.weights[window.offset + i] /= sum;
    }
    taps.max_size = std::max(taps.max_size, window.size);
    taps.windows.push_back(window);
  }
  return taps;
}

std::vector<std::int32_t> fixed_point(const std::vector<double>& weights) {
  std::vector<std::int32_t> fixed;
  fixed.reserve(weights.size());
  for (const double weight : weights) {
    const double scaled = weight * (1 << kWeightBits);
    fixed.push_back(static_cast<std::int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5));
  }
  return fixed;
}

}  // namespace clip
