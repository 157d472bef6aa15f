// Resizing, bit for bit as Pillow does it, of only those rows and columns that a crop keeps.
#pragma once

#include <cstdint>
#include <vector>

#include "clip/image.h"
#include "clip/preprocessing.h"

namespace clip {

// A resize of a whole image to width x height, of which the rectangle of columns x rows with its
// upper left corner at (left, top) is wanted.
struct ResizeAndCrop {
  std::int64_t width = 0, height = 0;
  std::int64_t left = 0, top = 0, columns = 0, rows = 0;
  Interpolation interpolation = Interpolation::kBicubic;
};

enum class Simd { kPortable, kAvx2 };

// The fastest that this processor has.
Simd best_simd();

// 8 bits a sample: fixed point with 22 fractional bits, rows first, rounded to 8 bits between the
// passes. Gives [rows, columns, channels]. The result is the same with every Simd.
std::vector<std::uint8_t> resample_smooth(const Image& image, const ResizeAndCrop& resize,
                                          Simd simd);

// 16-bit samples, as Pillow resizes its mode "I": rounded to whole numbers between the
// passes, and clipped to 8 bits at the end as its conversion to RGB does. One channel.
std::vector<std::uint8_t> resample_integer(const Image& image, const ResizeAndCrop& resize);

// The nearest pixel, as Pillow resizes palette and bilevel images whatever it is asked for.
std::vector<std::uint8_t> resample_nearest(const Image& image, const ResizeAndCrop& resize);

// A copy of an image with alpha whose colours are multiplied by it, as Pillow's modes "RGBa" and
// "La", in which it resizes them.
Image premultiplied(const Image& image);

}  // namespace clip
