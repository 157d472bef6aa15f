#include "image/thumbnail.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "image/jpeg_encode.h"
#include "image/resample.h"

namespace clip {
namespace {

// Colours that are multiplied by their alpha, onto white.
void put_on_white(std::vector<std::uint8_t>* pixels) {
  std::size_t to = 0;
  for (std::size_t from = 0; from + 3 < pixels->size(); from += 4) {
    const int white = 255 - (*pixels)[from + 3];
    for (std::size_t channel = 0; channel < 3; ++channel) {
      (*pixels)[to++] =
          static_cast<std::uint8_t>(std::min(int{(*pixels)[from + channel]} + white, 255));
    }
  }
  pixels->resize(to);
}

// Gray or RGB.
Image shrunk(const Image& image, int side) {
  const double scale = std::min(1.0, double(side) / double(std::max(image.width, image.height)));
  const auto scaled = [scale](std::int64_t length) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(double(length) * scale + 0.5));
  };
  ResizeAndCrop resize;
  resize.width = resize.columns = scaled(image.width);
  resize.height = resize.rows = scaled(image.height);
  resize.interpolation = Interpolation::kBilinear;
  const auto pixels = std::make_shared<std::vector<std::uint8_t>>();
  const auto count = static_cast<std::size_t>(resize.columns * resize.rows);
  Image small;
  switch (image.mode) {
    case PixelMode::kInteger:
      *pixels = resample_integer(image, resize);
      break;
    case PixelMode::kGrayAlpha:
    case PixelMode::kRgba:
      *pixels = resample_smooth(premultiplied(image), resize, best_simd());
      put_on_white(pixels.get());
      break;
    case PixelMode::kBands: {
      const std::vector<std::uint8_t> bands = resample_smooth(image, resize, best_simd());
      pixels->resize(3 * count);
      image.to_rgb(bands.data(), count, pixels->data());
      break;
    }
    case PixelMode::kBilevel:
    case PixelMode::kPalette:
    case PixelMode::kGray:
    case PixelMode::kRgb:
      *pixels = resample_smooth(image, resize, best_simd());
      break;
  }
  small.width = resize.columns;
  small.height = resize.rows;
  small.channels = pixels->size() == count ? 1 : 3;
  small.mode = small.channels == 1 ? PixelMode::kGray : PixelMode::kRgb;
  small.data = pixels->data();
  small.stride = small.width * small.channels;
  small.owner = pixels;
  return small;
}

Image gray_as_rgb(const Image& gray) {
  const auto pixels = std::make_shared<std::vector<std::uint8_t>>();
  for (std::int64_t i = 0; i < gray.width * gray.height; ++i) {
    pixels->insert(pixels->end(), 3, gray.data[i]);
  }
  Image image = gray;
  image.channels = 3;
  image.mode = PixelMode::kRgb;
  image.data = pixels->data();
  image.stride = 3 * gray.width;
  image.owner = pixels;
  return image;
}

}  // namespace

Image thumbnail(const Image& image, int side) {
  const Image small = shrunk(image, side);
  return small.channels == 1 ? gray_as_rgb(small) : small;
}

std::string jpeg_thumbnail(const Image& image, int side) {
  constexpr int kQuality = 80;
  return encode_jpeg(shrunk(image, side), kQuality);
}

}  // namespace clip
