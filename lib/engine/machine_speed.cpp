#include "engine/machine_speed.h"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "nn/linear.h"

namespace clip {

double matrix_flops(int threads) {
  constexpr std::int64_t kRows = 800, kInputs = 768, kOutputs = 3072;
  constexpr int kRounds = 6;  // the first one warms up
  omp_set_num_threads(threads);
  Arena arena;
  const Weights none("");
  Loader loader(none, kAllFloat32, &arena);
  // Any numbers will do, as long as none is so small that it is slow to multiply.
  const std::vector<float> weight(static_cast<std::size_t>(kInputs * kOutputs), 0.01F);
  const Linear linear(&loader, weight.data(), {}, kOutputs, kInputs, Epilogue::kNone);
  const Rows in = arena.rows(kRows, kInputs, ElementType::kFloat32);
  const Rows out = arena.rows(kRows, kOutputs, ElementType::kFloat32);
  std::fill_n(in.f32(), kRows * kInputs, 0.5F);
  double best = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    linear(in, out);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    const double operations = 2.0 * static_cast<double>(kRows * kInputs * kOutputs);
    if (i > 0) best = std::max(best, operations / taken.count());
  }
  return best;
}

}  // namespace clip
