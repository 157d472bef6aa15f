// Images on their way from their sources to the model's input: read, decoded, resized and
// normalized by worker threads, ahead of the encoder. Memory is bounded by how far ahead the
// workers may be, however many sources there are, and by DecodeOptions::memory, of which each image
// that is being decoded or resized holds its share. An image that cannot be used is an item with an
// error in it, never the end of the run.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "clip/cancel.h"
#include "clip/error.h"
#include "clip/image.h"
#include "clip/image_embedder.h"
#include "clip/image_source.h"
#include "clip/preprocessing.h"
#include "image/pixel_buffer.h"

namespace clip {

struct PreparedImage {
  ImageSource source;
  std::optional<Error> error;          // not empty: it has no pixels, and why
  std::vector<float> pixels;           // [3, n, n]
  std::string thumbnail;               // a JPEG file, where thumbnails are made
  std::int64_t width = 0, height = 0;  // of the upright image
};

struct StreamOptions {
  DecodeOptions decode;
  ResultOrder order = ResultOrder::kInput;
  int workers = 1;         // threads, at least 1
  std::size_t ahead = 32;  // images taken from the source before they are asked for, at least 1
  int thumbnail_side = 0;  // pixels of the longer side; 0: no thumbnails
  const CancelToken* stop = nullptr;  // ends waits for the bytes of pipes
};

class ImageStream {
 public:
  // `next_source` is called by one worker at a time. A source that comes with an error is handed
  // out as it is. Throws Error (kIo) when the system gives no thread.
  ImageStream(NextImage next_source, const Preprocessing& rule, const StreamOptions& options);
  // Waits for the workers, which end with the images that they are decoding, and with the call of
  // `next_source` that they are in; what was not handed out is dropped.
  ~ImageStream();
  ImageStream(const ImageStream&) = delete;
  ImageStream& operator=(const ImageStream&) = delete;

  // Waits for the next image; false when all have been handed out. What `next_source` threw is
  // thrown here, behind the images before it.
  bool next(PreparedImage* image);

  // As `next`, but gives up where the wait would be for `next_source`, which may be waiting itself,
  // for input on a pipe for one; with kAsReady also where every image takes long to decode. False
  // too when all have been handed out.
  bool try_next(PreparedImage* image);

  // Whether the source has ended, so that no worker is in it or will be.
  bool source_ended();

 private:
  struct Slot {
    PreparedImage image;
    bool ready = false;
  };
  using Slots = std::list<Slot>;  // elements stay in place while others come and go

  void work();
  std::size_t kept_bytes() const;
  // Decodes it, or notes why that cannot be done.
  void prepare(PreparedImage* image, PixelBuffer* buffer) const;
  Slot*
  take_source();  // the slot of the source that was taken, or null when there is nothing to do
  Slot* end();    // says that no more sources come
  Slots::iterator next_ready();  // the slot that is to be handed out, or the end
  bool hand_out(std::unique_lock<std::mutex> lock, PreparedImage* image);

  const NextImage next_source_;
  const Preprocessing rule_;
  CancelToken cancel_;  // ends waits for memory
  CancelToken stop_;    // ends waits for the bytes of pipes
  const StreamOptions options_;

  std::mutex source_mutex_;  // held while a source is taken, which may wait for standard input
  std::mutex mutex_;         // of all below; taken after the other where both are
  std::condition_variable room_, ready_;
  Slots slots_;          // in the order of the sources
  bool asking_ = false;  // a worker is in next_source_
  bool ended_ = false;   // no more sources
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> workers_;
};

}  // namespace clip
