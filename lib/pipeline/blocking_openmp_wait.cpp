#include "pipeline/blocking_openmp_wait.h"

#include <omp.h>

#include <atomic>
#include <system_error>

#include "base/startable_threads.h"

namespace clip {

BlockingOpenMpWait::BlockingOpenMpWait() {
  try {
    owner_ = std::thread([this] {
      // Of the processors that OpenMP counts: it knows the affinity, but neither the quota of a
      // control group nor OMP_NUM_THREADS in this.
      [[maybe_unused]] const int team = omp_get_num_procs() + 1;
      if (startable_threads(team) == team) {
        std::atomic<int> threads{0};  // counted, since compilers leave out an empty region
#pragma omp parallel num_threads(team)
        ++threads;
      }
      std::unique_lock<std::mutex> lock(mutex_);
      started_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return ended_; });
    });
  } catch (const std::system_error&) {
    return;  // the system gives no more threads: everything works without it
  }
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return started_; });
}

BlockingOpenMpWait::~BlockingOpenMpWait() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  if (owner_.joinable()) owner_.join();
}

}  // namespace clip
