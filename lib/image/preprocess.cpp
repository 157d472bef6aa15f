#include <algorithm>
#include <cmath>

#include "clip/preprocessing.h"
#include "image/resample.h"

namespace clip {
namespace {

ResizeAndCrop plan(const Image& image, const Preprocessing& rule) {
  const std::int64_t n = rule.image_size;
  if (rule.resize == ResizeMode::kSquash) return {n, n, 0, 0, n};
  // torchvision computes the longer side in floating point and cuts the fraction off.
  const auto [shorter, longer] = std::minmax(image.width, image.height);
  const auto length =
      static_cast<std::int64_t>(static_cast<double>(n * longer) / static_cast<double>(shorter));
  ResizeAndCrop resize;
  resize.width = image.width <= image.height ? n : length;
  resize.height = image.width <= image.height ? length : n;
  // Half-way offsets go to the even side, as Python rounds.
  resize.left = std::llrint(static_cast<double>(resize.width - n) / 2.0);
  resize.top = std::llrint(static_cast<double>(resize.height - n) / 2.0);
  resize.size = n;
  return resize;
}

// a * b / 255, rounded, for bytes.
std::uint32_t multiply_255(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// A copy whose colours are multiplied by their alpha, as Pillow's modes "RGBa" and "La".
Image premultiplied(const Image& image) {
  auto pixels = std::make_shared<std::vector<std::uint8_t>>();
  pixels->reserve(static_cast<std::size_t>(image.width * image.height * 4));
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.row(y);
    for (std::int64_t i = 0; i < 4 * image.width; ++i) {
      const std::uint8_t alpha = row[i | 3];
      pixels->push_back(i % 4 == 3 ? alpha
                                   : static_cast<std::uint8_t>(multiply_255(row[i], alpha)));
    }
  }
  Image copy = image;
  copy.data = pixels->data();
  copy.stride = 4 * image.width;
  copy.owner = pixels;
  return copy;
}

void undo_premultiplication(std::vector<std::uint8_t>* pixels) {
  for (std::size_t i = 0; i + 3 < pixels->size(); i += 4) {
    const int alpha = (*pixels)[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (std::size_t channel = i; channel < i + 3; ++channel) {
      (*pixels)[channel] =
          static_cast<std::uint8_t>(std::min(255 * (*pixels)[channel] / alpha, 255));
    }
  }
}

std::vector<std::uint8_t> resample(const Image& image, const ResizeAndCrop& resize) {
  switch (image.mode) {
    case PixelMode::kBilevel:
    case PixelMode::kPalette:
      return resample_nearest(image, resize);
    case PixelMode::kInteger:
      return resample_integer(image, resize);
    case PixelMode::kGrayAlpha:
    case PixelMode::kRgba: {
      auto pixels = resample_bicubic(premultiplied(image), resize, best_simd());
      undo_premultiplication(&pixels);
      return pixels;
    }
    case PixelMode::kGray:
    case PixelMode::kRgb:
    case PixelMode::kCmyk:
      break;
  }
  return resample_bicubic(image, resize, best_simd());
}

}  // namespace

const char* name_of(ResizeMode mode) {
  return mode == ResizeMode::kSquash ? "squash-bicubic" : "shortest-side-bicubic";
}

std::vector<std::uint8_t> resize_and_crop(const Image& image, const Preprocessing& rule) {
  const ResizeAndCrop resize = plan(image, rule);
  const std::vector<std::uint8_t> pixels = resample(image, resize);
  const auto channels = static_cast<std::size_t>(image.channels);
  std::vector<std::uint8_t> rgb;
  rgb.reserve(pixels.size() / channels * 3);
  for (std::size_t i = 0; i < pixels.size(); i += channels) {
    // OpenCV's order is blue, green, red.
    for (int channel = 2; channel >= 0; --channel) {
      rgb.push_back(pixels[channels == 1 ? i : i + static_cast<std::size_t>(channel)]);
    }
  }
  return rgb;
}

std::vector<float> normalize_pixels(const std::vector<std::uint8_t>& pixels,
                                    const Preprocessing& rule) {
  // Each of the 256 values once, in float32 as PyTorch computes it.
  std::array<std::array<float, 256>, 3> table;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (int value = 0; value < 256; ++value) {
      const float scaled = static_cast<float>(value) / 255.0F;
      table[channel][value] = (scaled - rule.mean[channel]) / rule.std[channel];
    }
  }
  const std::size_t area = pixels.size() / 3;
  std::vector<float> tensor(pixels.size());
  for (std::size_t i = 0; i < area; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      tensor[channel * area + i] = table[channel][pixels[3 * i + channel]];
    }
  }
  return tensor;
}

std::vector<float> preprocess(const Image& image, const Preprocessing& rule) {
  return normalize_pixels(resize_and_crop(image, rule), rule);
}

}  // namespace clip
