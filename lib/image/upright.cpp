#include "image/upright.h"

#include <cstring>
#include <utility>
#include <vector>

namespace clip {
namespace {

// The stored image becomes upright by mirroring its columns, its rows, or both, and then, from 5
// on, by exchanging rows and columns.
bool mirrors_columns(int orientation) {
  return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}

bool mirrors_rows(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

Region mirrored(Region region, std::int64_t width, std::int64_t height, int orientation) {
  if (mirrors_columns(orientation)) region.left = width - region.left - region.width;
  if (mirrors_rows(orientation)) region.top = height - region.top - region.height;
  return region;
}

Region transposed(const Region& region) {
  return {region.top, region.left, region.height, region.width};
}

// Where the first pixel of the result is read, and how far apart its neighbours to the right and
// below are read, in bytes.
struct Steps {
  const std::uint8_t* first = nullptr;
  std::ptrdiff_t right = 0, down = 0;
};

Steps steps(const Image& image, int orientation, std::ptrdiff_t pixel) {
  const Region region = image.decoded_region();
  const bool from_right = mirrors_columns(orientation), from_bottom = mirrors_rows(orientation);
  const std::int64_t column = region.left + (from_right ? region.width - 1 : 0);
  const std::int64_t row = region.top + (from_bottom ? region.height - 1 : 0);
  Steps steps;
  steps.first = image.row(row) + column * pixel;
  steps.right = from_right ? -pixel : pixel;
  steps.down = from_bottom ? -image.stride : image.stride;
  if (is_transposed(orientation)) std::swap(steps.right, steps.down);
  return steps;
}

// Of `width` x `height` pixels, in squares, so that what is read and what is written both stay in
// the cache.
template <std::size_t kPixel>
void turn(const Steps& steps, std::int64_t width, std::int64_t height, std::ptrdiff_t stride,
          std::uint8_t* to) {
  constexpr std::int64_t kSquare = 64;
  for (std::int64_t top = 0; top < height; top += kSquare) {
    const std::int64_t bottom = std::min(top + kSquare, height);
    for (std::int64_t left = 0; left < width; left += kSquare) {
      const std::int64_t right = std::min(left + kSquare, width);
      for (std::int64_t y = top; y < bottom; ++y) {
        const std::uint8_t* in = steps.first + y * steps.down + left * steps.right;
        std::uint8_t* out = to + y * stride + left * static_cast<std::int64_t>(kPixel);
        for (std::int64_t x = left; x < right; ++x, in += steps.right, out += kPixel) {
          std::memcpy(out, in, kPixel);
        }
      }
    }
  }
}

}  // namespace

bool is_transposed(int orientation) {
  return orientation >= 5 && orientation <= 8;
}

Region stored_region(const Region& upright, std::int64_t stored_width, std::int64_t stored_height,
                     int orientation) {
  return mirrored(is_transposed(orientation) ? transposed(upright) : upright, stored_width,
                  stored_height, orientation);
}

Image upright(const Image& image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const std::ptrdiff_t pixel = image.channels * (image.mode == PixelMode::kInteger ? 2 : 1);
  Image result = image;
  result.region = mirrored(image.decoded_region(), image.width, image.height, orientation);
  if (is_transposed(orientation)) {
    std::swap(result.width, result.height);
    result.region = transposed(result.region);
  }
  const Region& region = result.region;
  result.stride = region.width * pixel;
  // In front of the pixels there is room for the columns on the left, so that column 0 of the first
  // row has an address.
  const std::ptrdiff_t left = region.left * pixel;
  const auto pixels = std::make_shared<std::vector<std::uint8_t>>(
      static_cast<std::size_t>(left + result.stride * region.height));
  const Steps way = steps(image, orientation, pixel);
  std::uint8_t* const to = pixels->data() + left;
  switch (pixel) {
    case 1:
      turn<1>(way, region.width, region.height, result.stride, to);
      break;
    case 2:
      turn<2>(way, region.width, region.height, result.stride, to);
      break;
    case 3:
      turn<3>(way, region.width, region.height, result.stride, to);
      break;
    default:
      turn<4>(way, region.width, region.height, result.stride, to);
      break;
  }
  result.data = pixels->data();
  result.owner = pixels;
  return result;
}

}  // namespace clip
