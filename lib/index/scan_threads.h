// One team of threads for one pass over rows, each taking the next piece that is left.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>

#include "base/cpu.h"

namespace clip {

// The numbers [0, count), each given once, in order, to whichever thread asks.
class Pieces {
 public:
  explicit Pieces(std::int64_t count) : count_(count) {}
  bool next(std::int64_t* piece) { return (*piece = next_++) < count_; }
  void stop() { next_ = count_; }

 private:
  std::int64_t count_;
  std::atomic<std::int64_t> next_{0};
};

// Calls work(&pieces) in each of up to `threads` threads (0: as many as this process may use), but
// in no more than there are pieces, and returns when all are done. What one throws stops the others
// and is thrown again here.
template <typename Work>
void on_threads(std::int64_t count, int threads, const Work& work) {
  if (threads <= 0) threads = usable_processors();
  if (threads > count) threads = static_cast<int>(count);
  Pieces pieces(count);
  std::exception_ptr error;
  std::mutex mutex;
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    try {
      work(&pieces);
    } catch (...) {
      pieces.stop();
      const std::lock_guard<std::mutex> lock(mutex);
      if (error == nullptr) error = std::current_exception();
    }
  }
  if (error != nullptr) std::rethrow_exception(error);
}

}  // namespace clip
