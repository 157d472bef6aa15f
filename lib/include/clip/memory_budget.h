/// \file
/// A limit on the memory that several threads hold together. Each acquires what it is going to need
/// and waits while the others hold too much; they are served in the order in which they ask, so
/// that a large request is not overtaken for ever. All functions may be called by any thread.
///
///     auto budget = std::make_shared<clip::MemoryBudget>(500 << 20);
///     clip::DecodeOptions options;
///     options.memory = budget;
#pragma once

#include <cstdint>
#include <memory>

#include "clip/cancel.h"

namespace clip {

/// A limit in bytes. For any number of threads.
class MemoryBudget {
 public:
  /// Given back when its last copy goes, which may outlive the budget.
  using Share = std::shared_ptr<const void>;

  explicit MemoryBudget(std::uint64_t limit);  ///< bytes
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Waits until `bytes` more are within the limit. A thread that holds a share must not wait for
  /// another. Throws Error: kLimit, at once, where the bytes alone are more than the limit;
  /// kCancelled where `cancel`, which may be null, is cancelled before; it is looked at when the
  /// wait begins and by wake().
  Share acquire(std::uint64_t bytes, const CancelToken* cancel = nullptr);

  /// Wakes those that wait, to look at their tokens.
  void wake();

  std::uint64_t limit() const;  ///< bytes
  std::uint64_t held() const;   ///< bytes of all shares

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace clip
