#include "clip/memory_budget.h"

#include <fmt/format.h>

#include <condition_variable>
#include <list>
#include <mutex>

#include "clip/error.h"

namespace clip {

struct MemoryBudget::State {
  explicit State(std::uint64_t bytes) : limit(bytes) {}

  const std::uint64_t limit;
  std::mutex mutex;  // of all below
  std::condition_variable changed;
  std::uint64_t held = 0;
  std::list<std::uint64_t> waiting;  // the requests, in the order in which they came
};

MemoryBudget::MemoryBudget(std::uint64_t limit) : state_(std::make_shared<State>(limit)) {}

MemoryBudget::~MemoryBudget() = default;

MemoryBudget::Share MemoryBudget::acquire(std::uint64_t bytes, const CancelToken* cancel) {
  if (bytes > state_->limit) {
    constexpr double kMebibyte = 1 << 20;
    throw Error(ErrorCode::kLimit,
                fmt::format("decoding it takes {:.0f} MiB of memory; the limit is {:.0f}",
                            double(bytes) / kMebibyte, double(state_->limit) / kMebibyte),
                Hint::kRaiseMemoryLimit);
  }
  // Before anything is counted: what is allocated may fail.
  struct Held {
    explicit Held(std::shared_ptr<State> of) : state(std::move(of)) {}
    ~Held() {
      {
        const std::lock_guard<std::mutex> lock(state->mutex);
        state->held -= bytes;
      }
      state->changed.notify_all();
    }
    const std::shared_ptr<State> state;
    std::uint64_t bytes = 0;
  };
  const auto share = std::make_shared<Held>(state_);
  std::unique_lock<std::mutex> lock(state_->mutex);
  const auto place = state_->waiting.insert(state_->waiting.end(), bytes);
  const auto cancelled = [&] { return cancel != nullptr && cancel->cancelled(); };
  state_->changed.wait(lock, [&] {
    return cancelled() ||
           (place == state_->waiting.begin() && state_->limit - state_->held >= bytes);
  });
  state_->waiting.erase(place);
  const bool given_up = cancelled();
  if (!given_up) {
    state_->held += bytes;
    share->bytes = bytes;
  }
  lock.unlock();
  state_->changed.notify_all();  // the next one is first now
  if (given_up) throw Error(ErrorCode::kCancelled, "it was cancelled");
  return share;
}

void MemoryBudget::wake() {
  // With the lock: nobody is between looking and waiting.
  const std::lock_guard<std::mutex> lock(state_->mutex);
  state_->changed.notify_all();
}

std::uint64_t MemoryBudget::limit() const {
  return state_->limit;
}

std::uint64_t MemoryBudget::held() const {
  const std::lock_guard<std::mutex> lock(state_->mutex);
  return state_->held;
}

}  // namespace clip
