// Pictures on their way from paths to the model's input: read, decoded, resized and normalized by
// worker threads, ahead of who encodes them, and handed out in the order of their paths. Memory is
// bounded by how far ahead the workers may be, however many paths there are. A picture that cannot
// be read is an item with an error in it, never the end of the run.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "image/decode.h"
#include "image/preprocess.h"
#include "pipeline/picture_paths.h"

namespace clip {

struct PreparedImage {
  std::string path;
  std::string error;          // empty when the picture was read
  std::vector<float> pixels;  // [3, n, n], or nothing where there is an error
  std::string thumbnail;      // a JPEG file, where one was asked for
  std::uint64_t tag = 0;      // that came with the path
};

struct StreamOptions {
  DecodeOptions decode;
  int workers = 1;         // threads, at least 1
  std::size_t ahead = 32;  // pictures decoded before they are asked for, at least 1
  int thumbnail_side = 0;  // pixels of the longer one; 0: no thumbnails
};

class ImageStream {
 public:
  // Gives the next path, or false when there are no more. Called by one worker at a time. A path
  // that comes with an error is handed out as it is.
  using NextPath = std::function<bool(PicturePath*)>;

  ImageStream(NextPath next_path, PreprocessRule rule, StreamOptions options);
  // Stops the workers; what was not handed out is dropped.
  ~ImageStream();
  ImageStream(const ImageStream&) = delete;
  ImageStream& operator=(const ImageStream&) = delete;

  // Waits for the next picture; false when all have been handed out. What `next_path` threw is
  // thrown here, behind the pictures before it.
  bool next(PreparedImage* image);

  // As `next`, but gives up where the wait would be for `next_path`, which may be waiting itself,
  // for who types or sends the paths. False too when all have been handed out.
  bool next_at_hand(PreparedImage* image);

 private:
  struct Slot {
    PreparedImage image;
    bool ready = false;
  };

  void work();
  // Decodes it, or notes why that cannot be done.
  void prepare(PreparedImage* image, PixelStore* store) const;
  Slot* take_path();  // the slot of the path that was taken, or null when there is nothing to do
  Slot* end();        // says that no more paths come
  bool hand_out(std::unique_lock<std::mutex> lock, PreparedImage* image);  // of the first slot

  const NextPath next_path_;
  const PreprocessRule rule_;
  const StreamOptions options_;

  std::mutex source_mutex_;  // held while a path is taken, which may wait for standard input
  std::mutex mutex_;         // of all below; taken after the other where both are
  std::condition_variable room_, ready_;
  std::deque<Slot> slots_;  // in order of the paths; only its ends change, so slots stay in place
  bool asking_ = false;     // a worker is in next_path_
  bool ended_ = false;      // no more paths
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> workers_;
};

}  // namespace clip
