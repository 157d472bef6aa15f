#include <algorithm>

#include "base/file.h"
#include "clip/error.h"
#include "clip/image.h"
#include "clip/memory_budget.h"
#include "image/formats/formats.h"
#include "image/pixel_buffer.h"
#include "image/upright.h"

namespace clip {
namespace {

// The options for the image as it is stored, which is turned afterwards.
DecodeOptions as_stored(const DecodeOptions& options, int orientation) {
  DecodeOptions stored = options;
  if (!options.region_of_interest || orientation == 1) return stored;
  stored.region_of_interest = [of = options.region_of_interest, orientation](std::int64_t width,
                                                                             std::int64_t height) {
    const Region upright = is_transposed(orientation) ? of(height, width) : of(width, height);
    return stored_region(upright, width, height, orientation);
  };
  return stored;
}

// What decoding takes at its peak: with the copy that is turned.
std::uint64_t bytes_to_decode(const ImageHeader& header, int orientation) {
  const std::uint64_t four_a_pixel = 4 * header.width * header.height;
  const std::uint64_t bytes = header.decode_bytes > 0 ? header.decode_bytes : four_a_pixel;
  return orientation == 1 ? bytes : bytes + four_a_pixel;
}

// The pixels go before the share of the budget does.
struct BudgetedPixels {
  MemoryBudget::Share share;
  std::shared_ptr<const void> pixels;
};

Image decode_checked(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                     PixelBuffer* buffer) {
  const ImageFormat& format = known_format_of(bytes, name);
  const ImageHeader header = read_header(format, bytes, options.max_pixels);
  const bool turned = header.always_upright || !options.ignore_exif;
  const int orientation = turned ? header.orientation : 1;
  MemoryBudget::Share share;
  if (options.memory != nullptr) {
    share = options.memory->acquire(bytes_to_decode(header, orientation), options.cancel);
  }
  PixelBuffer own;
  Image image = upright(format.decode(bytes, header, as_stored(options, orientation),
                                      buffer != nullptr ? buffer : &own),
                        orientation);
  if (share != nullptr) {
    image.owner = std::make_shared<const BudgetedPixels>(BudgetedPixels{share, image.owner});
  }
  return image;
}

}  // namespace

Image decode_bytes(std::string_view bytes, const std::string& name, const DecodeOptions& options,
                   PixelBuffer* buffer) {
  try {
    return decode_checked(bytes, name, options, buffer);
  } catch (const Error& error) {
    throw error.within("cannot use " + name);
  }
}

Image decode_file(const std::string& path, const DecodeOptions& options, PixelBuffer* buffer) {
  ReadOptions read;
  read.only_regular = options.only_regular;
  read.stop = options.stop;
  if (options.memory != nullptr) read.max_bytes = std::min(read.max_bytes, options.memory->limit());
  read.check_head = [&path](std::string_view head) {
    try {
      known_format_of(head, path);
    } catch (const Error& error) {
      throw error.within("cannot use " + path);
    }
  };
  try {
    return decode_bytes(read_file(path, read), path, options, buffer);
  } catch (const Error& error) {
    const bool memory = error.code() == ErrorCode::kLimit && error.hint() == Hint::kNone &&
                        options.memory != nullptr;
    throw memory ? Error(error.code(), error.what(), Hint::kRaiseMemoryLimit) : error;
  }
}

}  // namespace clip
