// Makes idle OpenMP threads block instead of spin, as long as one of these exists. The encoder's
// threads then leave the processor to the threads that decode images while they wait for each
// other. Without it a run over many large images took a fifth longer. Blocked threads take time to
// wake, so a run that encodes a single image is better off without.
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
  BlockingOpenMpWait();
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
