#include "pipeline/blocking_openmp_wait.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <system_error>

#include "base/cpu.h"
#include "base/startable_threads.h"

namespace clip {

BlockingOpenMpWait::BlockingOpenMpWait(int threads) {
  if (threads <= 0) threads = usable_processors();
  if (threads == 1) return;
  // With those that compute, more than the processors that OpenMP counts: it knows the affinity,
  // but neither the quota of a control group nor OMP_NUM_THREADS in this.
  [[maybe_unused]] const int team = std::max(omp_get_num_procs() + 2 - threads, 2);
  try {
    owner_ = std::thread([this, team] {
      if (startable_threads(team) == team) {
        std::atomic<int> counted{0};  // counted, since compilers leave out an empty region
#pragma omp parallel num_threads(team)
        ++counted;
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
