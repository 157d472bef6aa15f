#include "image/resample.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "image/coefficients.h"
#include "image/row_pass.h"

namespace clip {
namespace {

constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

// The second pass: `rows` are [needed rows, size * channels] from the first, beginning with input
// row `first`.
std::vector<std::uint8_t> mix_columns(const std::vector<std::uint8_t>& rows, std::int64_t row_size,
                                      std::int64_t first, const Taps& taps) {
  const std::vector<std::int32_t> weights = fixed_point(taps.weights);
  std::vector<std::uint8_t> out;
  out.reserve(taps.windows.size() * static_cast<std::size_t>(row_size));
  std::vector<std::int32_t> sums(static_cast<std::size_t>(row_size));
  for (const auto& window : taps.windows) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (std::int64_t i = 0; i < window.size; ++i) {
      const std::int32_t weight = weights[window.offset + i];
      const std::uint8_t* row = rows.data() + (window.start + i - first) * row_size;
      for (std::int64_t j = 0; j < row_size; ++j) sums[j] += weight * row[j];
    }
    for (const std::int32_t sum : sums) out.push_back(clip8(sum));
  }
  return out;
}

Taps column_taps(const Image& image, const ResizeAndCrop& resize) {
  return resize_taps(resize.interpolation, image.width, resize.width, resize.left, resize.columns);
}

Taps row_taps(const Image& image, const ResizeAndCrop& resize) {
  return resize_taps(resize.interpolation, image.height, resize.height, resize.top, resize.rows);
}

bool fits_avx2(const Image& image, const Taps& taps) {
#if defined(__x86_64__)
  return image.channels >= 3 && taps.max_size <= kMaxTapsAvx2;
#else
  static_cast<void>(image), static_cast<void>(taps);
  return false;
#endif
}

// Where Pillow's nearest-neighbour scaling reads each of the outputs [first, first + count): the
// position is summed up step by step, with the rounding errors that this brings.
std::vector<std::int64_t> nearest_positions(std::int64_t in, std::int64_t out, std::int64_t first,
                                            std::int64_t count) {
  const double step = static_cast<double>(in) / static_cast<double>(out);
  double position = step * 0.5;
  for (std::int64_t i = 0; i < first; ++i) position += step;
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < count; ++i, position += step) {
    positions.push_back(std::min(static_cast<std::int64_t>(position), in - 1));
  }
  return positions;
}

// a * b / 255, rounded, for bytes.
std::uint32_t multiply_255(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

}  // namespace

void rows_portable(const RowPass& pass, std::int64_t first, std::int64_t last, std::uint8_t* out) {
  const int channels = pass.image.channels;
  for (std::int64_t y = first; y < last; ++y) {
    const std::uint8_t* row = pass.image.row(y);
    for (const auto& window : pass.taps.windows) {
      const std::int32_t* weights = pass.weights.data() + window.offset;
      for (int channel = 0; channel < channels; ++channel) {
        const std::uint8_t* in = row + window.start * channels + channel;
        std::int32_t sum = kHalf;
        for (std::int64_t i = 0; i < window.size; ++i) sum += in[i * channels] * weights[i];
        *out++ = clip8(sum);
      }
    }
  }
}

Simd best_simd() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return Simd::kAvx2;
#endif
  return Simd::kPortable;
}

std::vector<std::uint8_t> resample_smooth(const Image& image, const ResizeAndCrop& resize,
                                          Simd simd) {
  const Taps columns = column_taps(image, resize), rows = row_taps(image, resize);
  const std::int64_t first = rows.begin(), last = rows.end();
  const std::int64_t row_size = resize.columns * image.channels;
  std::vector<std::uint8_t> mixed(static_cast<std::size_t>((last - first) * row_size));
  const RowPass pass{image, columns, fixed_point(columns.weights)};
#if defined(__x86_64__)
  if (simd == Simd::kAvx2 && fits_avx2(image, columns)) {
    rows_avx2(pass, first, last, mixed.data());
    return mix_columns(mixed, row_size, first, rows);
  }
#endif
  static_cast<void>(simd), static_cast<void>(fits_avx2);
  rows_portable(pass, first, last, mixed.data());
  return mix_columns(mixed, row_size, first, rows);
}

std::vector<std::uint8_t> resample_integer(const Image& image, const ResizeAndCrop& resize) {
  const Taps columns = column_taps(image, resize), rows = row_taps(image, resize);
  const std::int64_t first = rows.begin(), last = rows.end();
  std::vector<std::int32_t> mixed;
  mixed.reserve(static_cast<std::size_t>((last - first) * resize.columns));
  // Pillow rounds half away from zero.
  const auto round = [](double sum) {
    return static_cast<std::int32_t>(sum >= 0 ? std::floor(sum + 0.5)
                                              : -std::floor(std::abs(sum) + 0.5));
  };
  for (std::int64_t y = first; y < last; ++y) {
    const auto* row = reinterpret_cast<const std::uint16_t*>(image.row(y));
    for (const auto& window : columns.windows) {
      double sum = 0;
      for (std::int64_t i = 0; i < window.size; ++i) {
        sum += row[window.start + i] * columns.weights[window.offset + i];
      }
      mixed.push_back(round(sum));
    }
  }
  std::vector<std::uint8_t> out;
  for (const auto& window : rows.windows) {
    for (std::int64_t x = 0; x < resize.columns; ++x) {
      double sum = 0;
      for (std::int64_t i = 0; i < window.size; ++i) {
        sum += mixed[(window.start + i - first) * resize.columns + x] *
               rows.weights[window.offset + i];
      }
      out.push_back(static_cast<std::uint8_t>(std::clamp(round(sum), 0, 255)));
    }
  }
  return out;
}

std::vector<std::uint8_t> resample_nearest(const Image& image, const ResizeAndCrop& resize) {
  const auto columns = nearest_positions(image.width, resize.width, resize.left, resize.columns);
  const auto rows = nearest_positions(image.height, resize.height, resize.top, resize.rows);
  std::vector<std::uint8_t> out;
  out.reserve(rows.size() * columns.size() * static_cast<std::size_t>(image.channels));
  for (const std::int64_t y : rows) {
    for (const std::int64_t x : columns) {
      const std::uint8_t* pixel = image.row(y) + x * image.channels;
      out.insert(out.end(), pixel, pixel + image.channels);
    }
  }
  return out;
}

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

}  // namespace clip
