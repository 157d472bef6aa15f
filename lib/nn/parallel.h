// Loops over the threads that the process was given (OpenMP's pool, which oneDNN and LibTorch use
// too: a pool of our own would fight theirs for the processors).
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace clip {

// While it lives, what the calling thread computes runs on at most `count` threads: waking the
// others costs more than they save where there is little to do.
class ThreadLimit {
 public:
  explicit ThreadLimit(std::int64_t count) : before_(omp_get_max_threads()) {
    omp_set_num_threads(static_cast<int>(std::clamp<std::int64_t>(count, 1, before_)));
  }
  ~ThreadLimit() { omp_set_num_threads(before_); }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

// Calls use(i) for every i in [0, count), on all threads, each taking the next that is left. `use`
// must not throw.
template <typename Use>
void parallel_for(std::int64_t count, const Use& use) {
#pragma omp parallel for schedule(dynamic) if (count > 1)
  for (std::int64_t i = 0; i < count; ++i) use(i);
}

// Calls use(begin, end) for pieces of [0, count), none smaller than `least` unless it is the last.
template <typename Use>
void parallel_ranges(std::int64_t count, std::int64_t min, const Use& use) {
  const std::int64_t max = omp_get_max_threads();
  std::int64_t size = (count + max - 1) / max;
  if (size < min) size = min;
  parallel_for((count + size - 1) / size, [&](std::int64_t i) {
    const std::int64_t begin = i * size;
    use(begin, begin + size < count ? begin + size : count);
  });
}

}  // namespace clip
