#include "c_api/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "base/memory.h"
#include "clip/error.h"
#include "clip/memory_budget.h"

namespace clip {
namespace {

constexpr std::size_t kMaxSize = 4096;  // what a size is at most that was set at all
constexpr int kMaxThreads = 1024, kMaxImageSize = 16384;

void check_range(const char* name, int value, int max) {
  if (value >= 0 && value <= max) return;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("clip_model_options::{} is {}, and may be 0 to {}", name, value, max));
}

std::string text_of(const char* text) {
  return text != nullptr ? text : "";
}

}  // namespace

clip_model_options read_options(const clip_model_options* given) {
  clip_model_options options = {};
  if (given == nullptr) return options;
  const std::size_t size = given->size;
  if (size < offsetof(clip_model_options, architecture) || size > kMaxSize) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("clip_model_options::size is {}; it must be sizeof(clip_model_options)", size));
  }
  const char* bytes = reinterpret_cast<const char*>(given);
  std::memcpy(&options, bytes, std::min(size, sizeof options));
  if (size > sizeof options &&
      std::any_of(bytes + sizeof options, bytes + size, [](char byte) { return byte != 0; })) {
    throw Error(ErrorCode::kUnsupported,
                "clip_model_options has members that this version of the library does not know");
  }
  check_range("image_size", options.image_size, kMaxImageSize);
  check_range("precision", options.precision, CLIP_PRECISION_INT8);
  check_range("threads", options.threads, kMaxThreads);
  return options;
}

OpenOptions open_options(const clip_model_options& options) {
  OpenOptions open;
  open.architecture = text_of(options.architecture);
  open.image_size = options.image_size;
  return open;
}

EncoderOptions encoder_options(const clip_model_options& options) {
  constexpr Precision kPrecisions[] = {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8};
  EncoderOptions encoder;
  encoder.precision = kPrecisions[options.precision];
  encoder.threads = options.threads;
  encoder.ready_folder = text_of(options.ready_folder);
  return encoder;
}

DecodeOptions decode_options(const clip_model_options& options) {
  DecodeOptions decode;
  if (options.max_pixels > 0) decode.max_pixels = options.max_pixels;
  decode.memory = std::make_shared<MemoryBudget>(options.max_memory > 0 ? options.max_memory
                                                                        : usable_memory() / 2);
  return decode;
}

}  // namespace clip
