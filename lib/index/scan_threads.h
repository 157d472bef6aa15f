// Threads for one pass over rows, each taking the next piece that is left. They are threads of
// their own: in a process that has just begun they start in a tenth of the time that OpenMP's pool
// takes, and none of them spins while another program has the processor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

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
  Pieces pieces(count);
  std::exception_ptr error;
  std::mutex mutex;
  const auto run = [&] {
    try {
      work(&pieces);
    } catch (...) {
      pieces.stop();
      const std::lock_guard<std::mutex> lock(mutex);
      if (error == nullptr) error = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  others.reserve(static_cast<std::size_t>(threads));
  try {
    for (std::int64_t i = 1; i < threads && i < count; ++i) others.emplace_back(run);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that are there do it.
  }
  run();
  for (std::thread& other : others) other.join();
  if (error != nullptr) std::rethrow_exception(error);
}

}  // namespace clip
