#include "pipeline/image_stream.h"

#include <new>
#include <system_error>
#include <utility>

#include "error.h"

namespace clip {

ImageStream::ImageStream(NextPath next_path, PreprocessRule rule, DecodeOptions options,
                         int workers, std::size_t ahead)
    : next_path_(std::move(next_path)), rule_(rule), options_(options), ahead_(ahead) {
  try {
    for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    // The system gives no more threads; those that there are do the work.
    if (workers_.empty()) {
      throw Error(std::string("cannot start a thread to decode pictures: ") + error.what());
    }
  }
}

ImageStream::~ImageStream() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  room_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

ImageStream::Slot* ImageStream::end() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  ready_.notify_all();
  return nullptr;
}

ImageStream::Slot* ImageStream::take_path() {
  const std::lock_guard<std::mutex> one_at_a_time(source_mutex_);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    room_.wait(lock, [this] { return stopped_ || ended_ || slots_.size() < ahead_; });
    if (stopped_ || ended_) return nullptr;
  }
  std::string path;
  try {
    if (!next_path_(&path)) return end();
  } catch (...) {
    failure_ = std::current_exception();
    return end();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  Slot& slot = slots_.emplace_back();
  slot.image.path = std::move(path);
  return &slot;
}

void ImageStream::work() {
  while (Slot* slot = take_path()) {
    PreparedImage image{slot->image.path, "", {}};
    try {
      image.pixels = preprocess_file(image.path, rule_, options_);
    } catch (const Error& error) {
      image.error = error.what();
    } catch (const std::bad_alloc&) {
      image.error = "cannot use " + image.path + ": there is not enough memory to decode it";
    } catch (const std::exception& error) {  // of OpenCV: a thread that lets it go ends the process
      image.error = "cannot use " + image.path + ": " + error.what();
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      slot->image = std::move(image);
      slot->ready = true;
    }
    ready_.notify_one();
  }
}

bool ImageStream::next(PreparedImage* image) {
  std::unique_lock<std::mutex> lock(mutex_);
  ready_.wait(lock, [this] { return slots_.empty() ? ended_ : slots_.front().ready; });
  if (slots_.empty()) {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return false;
  }
  *image = std::move(slots_.front().image);
  slots_.pop_front();
  lock.unlock();
  room_.notify_one();
  return true;
}

}  // namespace clip
