// The images of one format, CLIP_FUZZ_FORMAT: header, the whole image, a region of it, a thumbnail.
#include "clip/image.h"

#include <algorithm>
#include <cstring>

#include "clip/error.h"
#include "fuzz.h"
#include "image/formats/formats.h"
#include "image/thumbnail.h"

namespace {

constexpr std::uint64_t kMaxPixels = 1 << 14;

clip::Region middle(std::int64_t width, std::int64_t height) {
  return {width / 4, height / 4, std::max(width / 2, std::int64_t{1}),
          std::max(height / 2, std::int64_t{1})};
}

std::size_t bytes_of_pixel(const clip::Image& image) {
  return static_cast<std::size_t>(image.channels) *
         (image.mode == clip::PixelMode::kInteger ? 2 : 1);
}

// The region's pixels are those of the whole image.
void compare(const clip::Image& whole, const clip::Image& part) {
  using clip_fuzz::require;
  require(whole.width == part.width && whole.height == part.height && whole.mode == part.mode &&
              whole.channels == part.channels,
          "a region is of an image of the same size and mode");
  const clip::Region region = part.decoded_region();
  const std::size_t pixel = bytes_of_pixel(whole);
  for (std::int64_t y = region.top; y < region.top + region.height; ++y) {
    const auto at = static_cast<std::size_t>(region.left) * pixel;
    require(std::memcmp(whole.row(y) + at, part.row(y) + at,
                        static_cast<std::size_t>(region.width) * pixel) == 0,
            "a region has the pixels of the whole image");
  }
}

}  // namespace

void clip_fuzz::read_input(std::string_view input) {
  if (clip::format_of(input) != &clip::CLIP_FUZZ_FORMAT) {
    throw clip::Error(clip::ErrorCode::kUnsupported, "another format");
  }
  clip::DecodeOptions options;
  options.max_pixels = kMaxPixels;
  const clip::Image whole = clip::decode_bytes(input, "input", options);
  clip::thumbnail(whole, 16);
  options.region_of_interest = middle;
  compare(whole, clip::decode_bytes(input, "input", options));
  options.region_of_interest = nullptr;
  options.min_side_after_scaling = 8;
  clip::decode_bytes(input, "input", options);
}
