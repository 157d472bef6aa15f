#include "base/startable_threads.h"

#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace clip {

int startable_threads(int wanted) {
  static std::mutex mutex;
  static int known = 1;
  const std::lock_guard<std::mutex> lock(mutex);
  if (wanted <= known) return wanted;
  std::mutex gate;  // holds them, so that they are there together
  std::vector<std::thread> threads;
  {
    const std::lock_guard<std::mutex> closed(gate);
    try {
      while (static_cast<int>(threads.size()) + 1 < wanted) {
        threads.emplace_back([&gate] { const std::lock_guard<std::mutex> open(gate); });
      }
    } catch (const std::system_error&) {
      // No more than these.
    }
  }
  for (std::thread& thread : threads) thread.join();
  const int started = static_cast<int>(threads.size()) + 1;
  if (started == wanted) known = wanted;
  return started;
}

}  // namespace clip
