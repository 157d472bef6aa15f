#include "pipeline/image_stream.h"

#include <new>
#include <system_error>
#include <utility>

#include "error.h"
#include "image/thumbnail.h"

namespace clip {

ImageStream::ImageStream(NextPath next_path, PreprocessRule rule, StreamOptions options)
    : next_path_(std::move(next_path)), rule_(rule), options_(options) {
  try {
    for (int i = 0; i < options_.workers; ++i) workers_.emplace_back([this] { work(); });
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
  asking_ = false;
  ended_ = true;
  ready_.notify_all();
  return nullptr;
}

ImageStream::Slot* ImageStream::take_path() {
  const std::lock_guard<std::mutex> one_at_a_time(source_mutex_);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    room_.wait(lock, [this] { return stopped_ || ended_ || slots_.size() < options_.ahead; });
    if (stopped_ || ended_) return nullptr;
    asking_ = true;
  }
  ready_.notify_all();
  PicturePath picture;
  try {
    if (!next_path_(&picture)) return end();
  } catch (...) {
    failure_ = std::current_exception();
    return end();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  asking_ = false;
  Slot& slot = slots_.emplace_back();
  slot.image.path = std::move(picture.path);
  slot.image.error = std::move(picture.error);
  slot.image.tag = picture.tag;
  return &slot;
}

void ImageStream::prepare(PreparedImage* image, PixelStore* store) const {
  try {
    const Picture picture = decode_file(image->path, options_.decode, store);
    image->pixels = preprocess(picture, rule_);
    if (options_.thumbnail_side > 0) {
      image->thumbnail = jpeg_thumbnail(picture, options_.thumbnail_side);
    }
    return;
  } catch (const Error& error) {
    image->error = error.what();
  } catch (const std::bad_alloc&) {
    image->error = "cannot use " + image->path + ": there is not enough memory to decode it";
  } catch (const std::exception& error) {  // of OpenCV: a thread that lets it go ends the process
    image->error = "cannot use " + image->path + ": " + error.what();
  }
  image->pixels.clear();
}

void ImageStream::work() {
  PixelStore store;
  while (Slot* slot = take_path()) {
    PreparedImage image = std::move(slot->image);
    if (image.error.empty()) prepare(&image, &store);
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
  return hand_out(std::move(lock), image);
}

bool ImageStream::next_at_hand(PreparedImage* image) {
  std::unique_lock<std::mutex> lock(mutex_);
  ready_.wait(lock, [this] { return slots_.empty() ? ended_ || asking_ : slots_.front().ready; });
  return !slots_.empty() && hand_out(std::move(lock), image);
}

bool ImageStream::hand_out(std::unique_lock<std::mutex> lock, PreparedImage* image) {
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
