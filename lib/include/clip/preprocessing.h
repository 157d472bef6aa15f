/// \file
/// From an image to the model's input: OpenAI's and open_clip's transforms, torchvision's on
/// Pillow, bit for bit: Resize(n), CenterCrop(n), RGB, ToTensor, Normalize. The resize comes before
/// the conversion to RGB and happens in the file's own mode, as there.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "clip/image.h"

namespace clip {

/// How an image of other proportions becomes a square of n x n pixels.
enum class ResizeMode {
  kShortestSide,  ///< to n, then the middle square is cut out
  kSquash,        ///< both sides to n, whatever that does to the proportions
  kLongestSide,   ///< to n, then zeros fill the square on both sides of the other
};
/// Pillow's, both of which antialias.
enum class Interpolation { kBicubic, kBilinear };

/// A model's transform.
struct Preprocessing {
  int image_size = 224;                                   ///< n, pixels a side
  ResizeMode resize = ResizeMode::kShortestSide;          ///< how it becomes square
  Interpolation interpolation = Interpolation::kBicubic;  ///< of the resize
  /// Of each RGB channel, of values in [0, 1], subtracted; OpenAI's.
  std::array<float, 3> mean = {0.48145466F, 0.4578275F, 0.40821073F};
  /// Divided by; OpenAI's.
  std::array<float, 3> std = {0.26862954F, 0.26130258F, 0.27577711F};
};

/// "shortest-side-bicubic", "squash-bilinear", "longest-side-bicubic", ...
const char* name_of(ResizeMode mode, Interpolation interpolation);

/// The pixels of an image of this size that resize_and_crop reads: for
/// DecodeOptions::region_of_interest.
Region region_of_interest(std::int64_t width, std::int64_t height, const Preprocessing& rule);

/// [n, n, 3], RGB. The image needs to be decoded only where region_of_interest says.
std::vector<std::uint8_t> resize_and_crop(const Image& image, const Preprocessing& rule);

/// [n, n, 3] 8-bit RGB to [3, n, n] float32: (v / 255 - mean) / std.
std::vector<float> normalize_pixels(const std::vector<std::uint8_t>& pixels,
                                    const Preprocessing& rule);

/// An image's [3, n, n] float32.
std::vector<float> preprocess(const Image& image, const Preprocessing& rule);

}  // namespace clip
