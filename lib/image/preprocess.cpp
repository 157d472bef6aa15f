#include <algorithm>
#include <cmath>

#include "clip/preprocessing.h"
#include "image/coefficients.h"
#include "image/input_frame.h"
#include "image/resample.h"

namespace clip {
namespace {

// torchvision's Resize(n) and CenterCrop(n).
ResizeAndCrop plan_shortest_side(std::int64_t width, std::int64_t height, std::int64_t n) {
  // torchvision computes the longer side in floating point and cuts the fraction off.
  const auto [shorter, longer] = std::minmax(width, height);
  const auto length =
      static_cast<std::int64_t>(static_cast<double>(n * longer) / static_cast<double>(shorter));
  ResizeAndCrop resize;
  resize.width = width <= height ? n : length;
  resize.height = width <= height ? length : n;
  // Half-way offsets go to the even side, as Python rounds.
  resize.left = std::llrint(static_cast<double>(resize.width - n) / 2.0);
  resize.top = std::llrint(static_cast<double>(resize.height - n) / 2.0);
  resize.columns = resize.rows = n;
  return resize;
}

// open_clip's ResizeKeepRatio(n, longest=1): both sides by one factor, rounded as Python rounds. A
// side that rounds to nothing is an error there; here it is one pixel.
ResizeAndCrop plan_longest_side(std::int64_t width, std::int64_t height, std::int64_t n) {
  const double ratio = static_cast<double>(std::max(width, height)) / static_cast<double>(n);
  const auto scaled = [&](std::int64_t side) {
    return std::max<std::int64_t>(std::llrint(static_cast<double>(side) / ratio), 1);
  };
  ResizeAndCrop resize;
  resize.width = resize.columns = scaled(width);
  resize.height = resize.rows = scaled(height);
  return resize;
}

ResizeAndCrop plan(std::int64_t width, std::int64_t height, const Preprocessing& rule) {
  const std::int64_t n = rule.image_size;
  ResizeAndCrop resize;
  switch (rule.resize) {
    case ResizeMode::kShortestSide:
      resize = plan_shortest_side(width, height, n);
      break;
    case ResizeMode::kLongestSide:
      resize = plan_longest_side(width, height, n);
      break;
    case ResizeMode::kSquash:
      resize = {n, n, 0, 0, n, n};
      break;
  }
  resize.interpolation = rule.interpolation;
  return resize;
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
      // What has the right size already is left alone, colours behind alpha included.
      if (resize.width == image.width && resize.height == image.height) break;
      auto pixels = resample_smooth(premultiplied(image), resize, best_simd());
      undo_premultiplication(&pixels);
      return pixels;
    }
    case PixelMode::kGray:
    case PixelMode::kRgb:
    case PixelMode::kBands:
      break;
  }
  return resample_smooth(image, resize, best_simd());
}

}  // namespace

const char* name_of(ResizeMode mode, Interpolation interpolation) {
  const bool bilinear = interpolation == Interpolation::kBilinear;
  switch (mode) {
    case ResizeMode::kSquash:
      return bilinear ? "squash-bilinear" : "squash-bicubic";
    case ResizeMode::kLongestSide:
      return bilinear ? "longest-side-bilinear" : "longest-side-bicubic";
    case ResizeMode::kShortestSide:
      break;
  }
  return bilinear ? "shortest-side-bilinear" : "shortest-side-bicubic";
}

Region region_of_interest(std::int64_t width, std::int64_t height, const Preprocessing& rule) {
  const ResizeAndCrop resize = plan(width, height, rule);
  const Taps columns =
      resize_taps(resize.interpolation, width, resize.width, resize.left, resize.columns);
  const Taps rows =
      resize_taps(resize.interpolation, height, resize.height, resize.top, resize.rows);
  return {columns.begin(), rows.begin(), columns.end() - columns.begin(),
          rows.end() - rows.begin()};
}

Frame input_frame(std::int64_t width, std::int64_t height, const Preprocessing& rule) {
  const ResizeAndCrop resize = plan(width, height, rule);
  const std::int64_t n = rule.image_size;
  // Pixels of the image that one of the input stands for.
  const double across = static_cast<double>(width) / static_cast<double>(resize.width);
  const double down = static_cast<double>(height) / static_cast<double>(resize.height);
  // What surrounds the image, as resize_and_crop lays it.
  const std::int64_t left = resize.left - (n - resize.columns) / 2;
  const std::int64_t top = resize.top - (n - resize.rows) / 2;
  return {static_cast<double>(left) * across, static_cast<double>(top) * down,
          static_cast<double>(n) * across, static_cast<double>(n) * down};
}

std::vector<std::uint8_t> resize_and_crop(const Image& image, const Preprocessing& rule) {
  const ResizeAndCrop resize = plan(image.width, image.height, rule);
  std::vector<std::uint8_t> pixels = resample(image, resize);
  auto channels = static_cast<std::int64_t>(image.channels);
  const std::int64_t n = rule.image_size;
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(n * n * 3));
  if (image.mode == PixelMode::kBands) {
    // What surrounds the image is zeros of its own bands: white, where they are inks.
    const std::vector<std::uint8_t> zeros(static_cast<std::size_t>(n * n * channels));
    image.to_rgb(zeros.data(), static_cast<std::size_t>(n * n), rgb.data());
    const auto count = static_cast<std::size_t>(resize.columns * resize.rows);
    std::vector<std::uint8_t> converted(3 * count);
    image.to_rgb(pixels.data(), count, converted.data());
    pixels = std::move(converted);
    channels = 3;
  }
  // Where less than the square is there, black surrounds it; the smaller half comes first.
  const std::int64_t left = (n - resize.columns) / 2, top = (n - resize.rows) / 2;
  const std::uint8_t* pixel = pixels.data();
  for (std::int64_t y = top; y < top + resize.rows; ++y) {
    std::uint8_t* out = rgb.data() + (y * n + left) * 3;
    for (std::int64_t x = 0; x < resize.columns; ++x, pixel += channels) {
      for (int channel = 0; channel < 3; ++channel) *out++ = pixel[channels == 1 ? 0 : channel];
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
