#include "clip/memory_budget.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "clip/error.h"
#include "clip/image.h"
#include "support.h"

using clip::ErrorCode;
using clip::MemoryBudget;
using clip_test::code_of;
using clip_test::contains;
using clip_test::error_of;

TEST_CASE("shares are given back with their last copy") {
  MemoryBudget budget(100);
  CHECK(budget.limit() == 100);
  auto share = budget.acquire(60);
  CHECK(budget.held() == 60);
  const auto other = budget.acquire(40);
  CHECK(budget.held() == 100);
  auto copy = share;
  share = nullptr;
  CHECK(budget.held() == 100);
  copy = nullptr;
  CHECK(budget.held() == 40);
  CHECK_NOTHROW(budget.acquire(0));
}

TEST_CASE("a share may outlive its budget") {
  MemoryBudget::Share share;
  {
    MemoryBudget budget(10);
    share = budget.acquire(10);
  }
  share = nullptr;
}

TEST_CASE("what alone is too much is an error at once, also while others hold all") {
  MemoryBudget budget(std::uint64_t{100} << 20);
  const auto share = budget.acquire(std::uint64_t{100} << 20);
  CHECK(code_of([&] { budget.acquire((std::uint64_t{100} << 20) + 1); }) == ErrorCode::kLimit);
  CHECK(contains(error_of([&] { budget.acquire(std::uint64_t{300} << 20); }),
                 "takes 300 MiB of memory; the limit is 100"));
  CHECK(contains(error_of([&] { budget.acquire(~std::uint64_t{0}); }), "the limit is 100"));
}

TEST_CASE("many threads never hold more than the limit, and all are served") {
  constexpr std::uint64_t kLimit = 1000;
  constexpr int kThreads = 8, kTurns = 300;
  MemoryBudget budget(kLimit);
  std::atomic<std::uint64_t> in_use{0}, max_in_use{0};
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      for (int turn = 0; turn < kTurns; ++turn) {
        // One in ten is nearly all there is.
        const std::uint64_t bytes = random() % 10 == 0 ? 900 + random() % 101 : random() % 300;
        try {
          const auto share = budget.acquire(bytes);
          const std::uint64_t now = in_use += bytes;
          for (std::uint64_t max = max_in_use; now > max;) {
            if (max_in_use.compare_exchange_weak(max, now)) break;
          }
          if (random() % 5 == 0) std::this_thread::yield();
          in_use -= bytes;
          ++served;
          if (random() % 7 == 0) throw clip::Error(ErrorCode::kCorrupt, "a failed decoding");
        } catch (const clip::Error&) {
          // The share went with it.
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(max_in_use <= kLimit);
  CHECK(served == kThreads * kTurns);
  CHECK(budget.held() == 0);
}

TEST_CASE("a large request is not overtaken by small ones that came later") {
  MemoryBudget budget(100);
  auto first = budget.acquire(50);
  std::atomic<bool> large_served{false}, small_served{false};
  std::thread large([&] {
    const auto share = budget.acquire(100);
    large_served = true;
    CHECK_FALSE(small_served);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  std::thread small([&] {
    const auto share = budget.acquire(1);
    small_served = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  CHECK_FALSE(large_served);
  CHECK_FALSE(small_served);
  first = nullptr;
  large.join();
  small.join();
  CHECK(small_served);
}

TEST_CASE("a wait can be cancelled, and those behind it go on") {
  MemoryBudget budget(100);
  auto first = budget.acquire(50);
  clip::CancelToken cancel;
  std::atomic<bool> cancelled{false};
  std::thread waiting(
      [&] { cancelled = code_of([&] { budget.acquire(100, &cancel); }) == ErrorCode::kCancelled; });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  std::thread behind([&] { budget.acquire(50); });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  cancel.cancel();
  budget.wake();
  waiting.join();
  behind.join();
  CHECK(cancelled);
  CHECK(budget.held() == 50);
}

TEST_CASE("an image holds its share as long as it lives, and one that fails none") {
  clip::DecodeOptions options;
  options.memory = std::make_shared<MemoryBudget>(100);
  {
    const clip::Image image = clip::decode_bytes("P6 2 3 255 123456789012345678", "small", options);
    CHECK(options.memory->held() > 0);
    CHECK(options.memory->held() <= 100);
    const clip::Image copy = image;
    CHECK(copy.row(0)[0] == '1');
  }
  CHECK(options.memory->held() == 0);
  CHECK_THROWS_AS(clip::decode_bytes("P6 2 3 255 1234567", "cut", options), clip::Error);
  CHECK(options.memory->held() == 0);
  try {
    clip::decode_bytes("P6 20 30 255 " + std::string(1800, 'x'), "large", options);
    FAIL("it is larger than the budget");
  } catch (const clip::Error& error) {
    CHECK(error.code() == ErrorCode::kLimit);
    CHECK(error.hint() == clip::Hint::kRaiseMemoryLimit);
    CHECK(contains(error.what(), "cannot use large"));
  }
}
