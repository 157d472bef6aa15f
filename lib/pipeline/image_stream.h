// Pictures on their way from paths to the model's input: read, decoded, resized and normalized by
// worker threads, ahead of who encodes them, and handed out in the order of their paths. Memory is
// bounded by how far ahead the workers may be, however many paths there are. A picture that cannot
// be read is an item with an error in it, never the end of the run.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "image/decode.h"
#include "image/preprocess.h"

namespace clip {

struct PreparedImage {
  std::string path;
  std::string error;          // empty when the picture was read
  std::vector<float> pixels;  // [3, n, n], or nothing where there is an error
};

class ImageStream {
 public:
  // Gives the next path, or false when there are no more. Called by one worker at a time.
  using NextPath = std::function<bool(std::string*)>;

  // `workers` threads, at most `ahead` pictures before the one that `next` gives next; both at
  // least 1.
  ImageStream(NextPath next_path, PreprocessRule rule, DecodeOptions options, int workers,
              std::size_t ahead);
  // Stops the workers; what was not handed out is dropped.
  ~ImageStream();
  ImageStream(const ImageStream&) = delete;
  ImageStream& operator=(const ImageStream&) = delete;

  // Waits for the next picture; false when all have been handed out. What `next_path` threw is
  // thrown here, behind the pictures before it.
  bool next(PreparedImage* image);

 private:
  struct Slot {
    PreparedImage image;
    bool ready = false;
  };

  void work();
  Slot* take_path();  // the slot of the path that was taken, or null when there is nothing to do
  Slot* end();        // says that no more paths come

  const NextPath next_path_;
  const PreprocessRule rule_;
  const DecodeOptions options_;
  const std::size_t ahead_;

  std::mutex source_mutex_;  // held while a path is taken, which may wait for standard input
  std::mutex mutex_;         // of all below; taken after the other where both are
  std::condition_variable room_, ready_;
  std::deque<Slot> slots_;  // in order of the paths; only its ends change, so slots stay in place
  bool ended_ = false;      // no more paths
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> workers_;
};

}  // namespace clip
