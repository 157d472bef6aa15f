#include "image/preprocess.h"

#include <algorithm>
#include <cmath>

#include "image/resample.h"

namespace clip {
namespace {

ResizeAndCrop plan(const Picture& picture, const PreprocessRule& rule) {
  const std::int64_t n = rule.image_size;
  if (rule.resize == ResizeRule::kSquash) return {n, n, 0, 0, n};
  // torchvision computes the longer side in floating point and cuts the fraction off.
  const auto [shorter, longer] = std::minmax(picture.width, picture.height);
  const auto length =
      static_cast<std::int64_t>(static_cast<double>(n * longer) / static_cast<double>(shorter));
  ResizeAndCrop resize;
  resize.width = picture.width <= picture.height ? n : length;
  resize.height = picture.width <= picture.height ? length : n;
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
Picture premultiplied(const Picture& picture) {
  auto pixels = std::make_shared<std::vector<std::uint8_t>>();
  pixels->reserve(static_cast<std::size_t>(picture.width * picture.height * 4));
  for (std::int64_t y = 0; y < picture.height; ++y) {
    const std::uint8_t* row = picture.row(y);
    for (std::int64_t i = 0; i < 4 * picture.width; ++i) {
      const std::uint8_t alpha = row[i | 3];
      pixels->push_back(i % 4 == 3 ? alpha
                                   : static_cast<std::uint8_t>(multiply_255(row[i], alpha)));
    }
  }
  Picture copy = picture;
  copy.data = pixels->data();
  copy.stride = 4 * picture.width;
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

std::vector<std::uint8_t> resample(const Picture& picture, const ResizeAndCrop& resize) {
  switch (picture.mode) {
    case PixelMode::kBilevel:
    case PixelMode::kPalette:
      return resample_nearest(picture, resize);
    case PixelMode::kInteger:
      return resample_integer(picture, resize);
    case PixelMode::kGrayAlpha:
    case PixelMode::kRgba: {
      auto pixels = resample_bicubic(premultiplied(picture), resize, best_simd());
      undo_premultiplication(&pixels);
      return pixels;
    }
    case PixelMode::kGray:
    case PixelMode::kRgb:
    case PixelMode::kCmyk:
      break;
  }
  return resample_bicubic(picture, resize, best_simd());
}

}  // namespace

std::vector<std::uint8_t> resize_and_crop(const Picture& picture, const PreprocessRule& rule) {
  const ResizeAndCrop resize = plan(picture, rule);
  const std::vector<std::uint8_t> pixels = resample(picture, resize);
  const auto channels = static_cast<std::size_t>(picture.channels);
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
                                    const PreprocessRule& rule) {
  // Each of the 256 values once, in float32 as PyTorch computes it.
  std::array<std::array<float, 256>, 3> table;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (int value = 0; value < 256; ++value) {
      const float scaled = static_cast<float>(value) / 255.0F;
      table[channel][value] = (scaled - rule.mean[channel]) / rule.deviation[channel];
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

std::vector<float> preprocess(const Picture& picture, const PreprocessRule& rule) {
  return normalize_pixels(resize_and_crop(picture, rule), rule);
}

}  // namespace clip
