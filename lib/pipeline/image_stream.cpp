#include "pipeline/image_stream.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include "clip/memory_budget.h"
#include "image/thumbnail.h"

namespace clip {
namespace {

// How long results that are ready may wait for another, to be encoded together with it, where their
// order does not matter. About as long as a large photo takes to decode.
constexpr std::chrono::milliseconds kMaxBatchDelay{20};

// An image is decoded only where it is looked at.
StreamOptions completed(StreamOptions options, const Preprocessing& rule, const CancelToken* cancel,
                        const CancelToken* stop) {
  options.decode.cancel = cancel;
  options.decode.stop = stop;
  if (options.thumbnail_side == 0) {
    options.decode.region_of_interest = [rule](std::int64_t width, std::int64_t height) {
      return region_of_interest(width, height, rule);
    };
  }
  return options;
}

}  // namespace

ImageStream::ImageStream(NextImage next_source, const Preprocessing& rule,
                         const StreamOptions& options)
    : next_source_(std::move(next_source)),
      rule_(rule),
      stop_(options.stop),
      options_(completed(options, rule, &cancel_, &stop_)) {
  const int workers = std::max(options_.workers, 1);
  workers_.reserve(static_cast<std::size_t>(workers));
  try {
    for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    // The system gives no more threads; those that there are do the work.
    if (workers_.empty()) {
      throw Error(ErrorCode::kIo,
                  std::string("cannot start a thread to decode images: ") + error.what());
    }
  }
}

ImageStream::~ImageStream() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
  }
  room_.notify_all();
  cancel_.cancel();
  stop_.cancel();
  if (options_.decode.memory != nullptr) options_.decode.memory->wake();
  for (std::thread& worker : workers_) worker.join();
}

bool ImageStream::source_ended() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return ended_;
}

ImageStream::Slot* ImageStream::end() {
  const std::lock_guard<std::mutex> lock(mutex_);
  asking_ = false;
  ended_ = true;
  ready_.notify_all();
  return nullptr;
}

ImageStream::Slot* ImageStream::take_source() {
  const std::lock_guard<std::mutex> one_at_a_time(source_mutex_);
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const std::size_t ahead = std::max<std::size_t>(options_.ahead, 1);
    room_.wait(lock, [&] { return stopped_ || ended_ || slots_.size() < ahead; });
    if (stopped_ || ended_) return nullptr;
    asking_ = true;
  }
  ready_.notify_all();
  std::exception_ptr failure;
  try {
    ImageSource source;
    if (next_source_(&source)) {
      Slot slot;
      slot.image.error = source.error;
      slot.image.source = std::move(source);
      const std::lock_guard<std::mutex> lock(mutex_);
      slots_.push_back(std::move(slot));
      asking_ = false;
      return &slots_.back();
    }
  } catch (...) {
    failure = std::current_exception();
  }
  // Out of the handler: this thread does not touch an exception that another one may have caught.
  failure_ = std::move(failure);
  return end();
}

// Buffers that wait for the next image are in no budget: together they are at most an eighth of it.
std::size_t ImageStream::kept_bytes() const {
  if (options_.decode.memory == nullptr) return std::numeric_limits<std::size_t>::max();
  const auto workers = static_cast<std::uint64_t>(std::max(options_.workers, 1));
  return static_cast<std::size_t>(options_.decode.memory->limit() / (8 * workers));
}

void ImageStream::prepare(PreparedImage* image, PixelBuffer* buffer) const {
  const std::string& name = image->source.name;
  try {
    std::shared_ptr<const std::string> bytes = image->source.bytes;
    if (image->source.load) bytes = std::make_shared<const std::string>(image->source.load());
    DecodeOptions decode = options_.decode;
    decode.only_regular = image->source.only_regular;
    const Image decoded = bytes == nullptr ? decode_file(name, decode, buffer)
                                           : decode_bytes(*bytes, name, decode, buffer);
    buffer->keep_at_most(kept_bytes());
    image->pixels = preprocess(decoded, rule_);
    image->width = decoded.width;
    image->height = decoded.height;
    if (options_.thumbnail_side > 0) {
      image->thumbnail = jpeg_thumbnail(decoded, options_.thumbnail_side);
    }
    return;
  } catch (const Error& error) {
    image->error = error;
  } catch (const std::bad_alloc&) {
    image->error =
        Error(ErrorCode::kIo, "cannot use " + name + ": there is not enough memory to decode it");
  } catch (const std::exception& error) {
    // Of a library. An exception that leaves a thread ends the process.
    image->error = Error(ErrorCode::kInternal, "cannot use " + name + ": " + error.what());
  }
  image->pixels.clear();
  buffer->keep_at_most(kept_bytes());
}

void ImageStream::work() {
  PixelBuffer buffer;
  while (Slot* slot = take_source()) {
    PreparedImage image = std::move(slot->image);
    if (!image.error) prepare(&image, &buffer);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      slot->image = std::move(image);
      slot->ready = true;
    }
    ready_.notify_one();
  }
}

ImageStream::Slots::iterator ImageStream::next_ready() {
  if (options_.order == ResultOrder::kAsReady) {
    return std::find_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.ready; });
  }
  return !slots_.empty() && slots_.front().ready ? slots_.begin() : slots_.end();
}

bool ImageStream::next(PreparedImage* image) {
  std::unique_lock<std::mutex> lock(mutex_);
  ready_.wait(lock, [this] { return slots_.empty() ? ended_ : next_ready() != slots_.end(); });
  return hand_out(std::move(lock), image);
}

bool ImageStream::try_next(PreparedImage* image) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto decided = [this] {
    return slots_.empty() ? ended_ || asking_ : next_ready() != slots_.end();
  };
  if (options_.order == ResultOrder::kAsReady) {
    if (!ready_.wait_for(lock, kMaxBatchDelay, decided)) return false;
  } else {
    ready_.wait(lock, decided);
  }
  return !slots_.empty() && hand_out(std::move(lock), image);
}

bool ImageStream::hand_out(std::unique_lock<std::mutex> lock, PreparedImage* image) {
  if (slots_.empty()) {
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return false;
  }
  const auto slot = next_ready();
  *image = std::move(slot->image);
  slots_.erase(slot);
  lock.unlock();
  room_.notify_one();
  return true;
}

}  // namespace clip
