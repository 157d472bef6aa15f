#include "image/upright.h"

#include <cstring>
#include <vector>

namespace clip {
namespace {

// Rows and columns change places with these.
bool is_transposed(int orientation) {
  return orientation >= 5;
}

// Where the first pixel of the result is read, and how far apart its neighbours to the right and
// below are read, in bytes of the original.
struct Steps {
  std::ptrdiff_t first = 0, right = 0, down = 0;
};

Steps steps(const Image& image, int orientation, std::ptrdiff_t pixel) {
  const std::ptrdiff_t last_column = (image.width - 1) * pixel;
  const std::ptrdiff_t last_row = (image.height - 1) * image.stride;
  const std::ptrdiff_t row = image.stride;
  switch (orientation) {
    case 2:
      return {last_column, -pixel, row};
    case 3:
      return {last_row + last_column, -pixel, -row};
    case 4:
      return {last_row, pixel, -row};
    case 5:
      return {0, row, pixel};
    case 6:
      return {last_row, -row, pixel};
    case 7:
      return {last_row + last_column, -row, -pixel};
    case 8:
      return {last_column, row, -pixel};
    default:
      return {0, pixel, row};
  }
}

// In squares, so that what is read and what is written both stay in the cache.
template <std::size_t kPixel>
void turn(const std::uint8_t* from, const Steps& steps, const Image& result, std::uint8_t* to) {
  constexpr std::int64_t kSquare = 64;
  for (std::int64_t top = 0; top < result.height; top += kSquare) {
    const std::int64_t bottom = std::min(top + kSquare, result.height);
    for (std::int64_t left = 0; left < result.width; left += kSquare) {
      const std::int64_t right = std::min(left + kSquare, result.width);
      for (std::int64_t y = top; y < bottom; ++y) {
        const std::uint8_t* in = from + steps.first + y * steps.down + left * steps.right;
        std::uint8_t* out = to + y * result.stride + left * static_cast<std::int64_t>(kPixel);
        for (std::int64_t x = left; x < right; ++x, in += steps.right, out += kPixel) {
          std::memcpy(out, in, kPixel);
        }
      }
    }
  }
}

}  // namespace

Image upright(const Image& image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const std::ptrdiff_t pixel = image.channels * (image.mode == PixelMode::kInteger ? 2 : 1);
  Image result = image;
  if (is_transposed(orientation)) std::swap(result.width, result.height);
  result.stride = result.width * pixel;
  const auto pixels = std::make_shared<std::vector<std::uint8_t>>(
      static_cast<std::size_t>(result.stride * result.height));
  const Steps way = steps(image, orientation, pixel);
  switch (pixel) {
    case 1:
      turn<1>(image.data, way, result, pixels->data());
      break;
    case 2:
      turn<2>(image.data, way, result, pixels->data());
      break;
    case 3:
      turn<3>(image.data, way, result, pixels->data());
      break;
    default:
      turn<4>(image.data, way, result, pixels->data());
      break;
  }
  result.data = pixels->data();
  result.owner = pixels;
  return result;
}

}  // namespace clip
