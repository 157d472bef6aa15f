#include "encoder/shared_processors.h"

#include <atomic>
#include <system_error>

#include "encoder/processors.h"

namespace clip {

SharedProcessors::SharedProcessors() {
  try {
    owner_ = std::thread([this] {
      const int team = usable_processors() + 1;
      std::atomic<int> threads{0};  // counted, for compilers leave out what does nothing
#pragma omp parallel num_threads(team)
      ++threads;
      std::unique_lock<std::mutex> lock(mutex_);
      there_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return over_; });
    });
  } catch (const std::system_error&) {
    return;  // the system gives no more threads: everything works without
  }
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return there_; });
}

SharedProcessors::~SharedProcessors() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  if (owner_.joinable()) owner_.join();
}

}  // namespace clip
