// Makes OpenMP's threads block instead of spin while they wait for each other, as long as one of
// these exists. Threads that spin take the processor from those that they wait for, as soon as
// there are others: this process's own, which decode images, or another process. Two processes of
// four images each took 1.9 times as long side by side as one after the other on two processors,
// and 0.9 times with this (ViT-B/32 on an EPYC); for one process alone it makes a few per cent.
//
// GCC's OpenMP blocks when there are more threads than processors, and it counts idle threads too:
// this holds a second team of threads that do nothing. Other OpenMP libraries take no notice of it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace clip {

class BlockingOpenMpWait {
 public:
  // For threads that compute: `threads` of them, 0 for all processors that this process may use.
  explicit BlockingOpenMpWait(int threads);
  ~BlockingOpenMpWait();
  BlockingOpenMpWait(const BlockingOpenMpWait&) = delete;
  BlockingOpenMpWait& operator=(const BlockingOpenMpWait&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false, ended_ = false;
  std::thread owner_;  // of the second team, which lives as long as it
};

}  // namespace clip
