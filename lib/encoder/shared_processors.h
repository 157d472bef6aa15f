// While one of these is there, the encoder's threads sleep when they wait for each other, instead
// of watching for a while: other threads, which decode pictures, have a use for the processor.
// Without it a run over many large pictures took a fifth longer. Waking takes time, so who encodes
// a single picture is better off without.
//
// GCC's OpenMP decides between the two by whether it has more threads than there are processors,
// and counts threads that idle: here is a second team of them. Other OpenMPs take no notice.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace clip {

class SharedProcessors {
 public:
  SharedProcessors();
  ~SharedProcessors();
  SharedProcessors(const SharedProcessors&) = delete;
  SharedProcessors& operator=(const SharedProcessors&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool there_ = false, over_ = false;
  std::thread owner_;  // of the second team
};

}  // namespace clip
