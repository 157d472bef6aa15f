#include "image/formats/tiff_pixels.h"

#include <algorithm>
#include <cstring>

#include "image/cmyk.h"

namespace clip {
namespace {

// Pillow has 256 entries, gray where the file has none.
std::vector<std::uint8_t> palette_of(const TiffLayout& layout) {
  std::vector<std::uint8_t> palette;
  const std::uint64_t given = layout.color_map.count() / 3;
  for (std::uint64_t i = 0; i < 256; ++i) {
    for (std::uint64_t channel = 0; channel < 3; ++channel) {
      const std::uint64_t value = i < given ? layout.color_map[channel * given + i] >> 8 : i;
      palette.push_back(static_cast<std::uint8_t>(value));
    }
  }
  return palette;
}

Image empty_image(const TiffLayout& layout) {
  Image image;
  image.width = static_cast<std::int64_t>(layout.width);
  image.height = static_cast<std::int64_t>(layout.height);
  switch (layout.color) {
    case TiffColor::kGray:
      image.channels = 1;
      image.mode = layout.bits == 1  ? PixelMode::kBilevel
                   : layout.bits > 8 ? PixelMode::kInteger
                                     : PixelMode::kGray;
      break;
    case TiffColor::kGrayAlpha:
      image.channels = 4;
      image.mode = PixelMode::kGrayAlpha;
      break;
    case TiffColor::kPalette:
    case TiffColor::kPaletteAlpha:  // Pillow drops the palette when it resizes such an image
      image.mode = PixelMode::kPalette;
      break;
    case TiffColor::kRgb:
    case TiffColor::kYcbcr:
      break;
    case TiffColor::kRgba:
      image.channels = 4;
      image.mode = PixelMode::kRgba;
      break;
    case TiffColor::kCmyk:
      image.channels = 4;
      image.mode = PixelMode::kBands;
      break;
    case TiffColor::kLab:
      image.mode = PixelMode::kBands;
      break;
  }
  return image;
}

std::uint32_t bits_at(const std::uint8_t* in, std::uint64_t index, std::uint32_t bits) {
  const std::uint64_t bit = index * bits;
  return in[bit / 8] >> (8 - bits - bit % 8) & ((1U << bits) - 1);
}

// As Pillow undoes it, rounded down.
void undo_premultiplication(std::uint8_t* pixel) {
  const int alpha = pixel[3];
  if (alpha == 255) return;
  for (int channel = 0; channel < 3; ++channel) {
    pixel[channel] =
        static_cast<std::uint8_t>(alpha == 0 ? 0 : std::min(pixel[channel] * 255 / alpha, 255));
  }
}

}  // namespace

TiffPixels::TiffPixels(const TiffLayout& layout, bool little_endian, PixelBuffer* buffer)
    : layout_(layout), little_endian_(little_endian), image_(empty_image(layout)) {
  pixel_bytes_ =
      static_cast<std::uint64_t>(image_.channels) * (image_.mode == PixelMode::kInteger ? 2 : 1);
  image_.stride = static_cast<std::ptrdiff_t>(pixel_bytes_ * layout.width);
  pixels_ = buffer->take(pixel_bytes_ * layout.width * layout.height);
  if (layout.planar) {
    planes_.resize(layout.width * layout.height * layout.samples * (layout.bits / 8));
  }
  if (layout.color_map.count() > 0) palette_ = palette_of(layout);
}

std::uint8_t* TiffPixels::at(std::uint64_t x, std::uint64_t y) {
  return pixels_.get() + (y * layout_.width + x) * pixel_bytes_;
}

void TiffPixels::put(const TiffPart& part) {
  if (layout_.planar && part.samples == 1) return keep_plane(part);
  for (std::uint64_t y = 0; y < part.rows; ++y) {
    unpack(part.data + y * part.stride, part.samples, part.columns, at(part.x, part.y + y));
  }
}

void TiffPixels::keep_plane(const TiffPart& part) {
  const std::size_t size = layout_.bits / 8, pixel = size * layout_.samples;
  for (std::uint64_t y = 0; y < part.rows; ++y) {
    const std::uint8_t* in = part.data + y * part.stride;
    std::uint8_t* out =
        planes_.data() + ((part.y + y) * layout_.width + part.x) * pixel + part.plane * size;
    for (std::uint64_t x = 0; x < part.columns; ++x, in += size, out += pixel) {
      std::memcpy(out, in, size);
    }
  }
}

void TiffPixels::unpack_gray(const std::uint8_t* in, std::uint64_t count, std::uint8_t* out) const {
  const std::uint32_t bits = layout_.bits;
  if (bits <= 8) {
    const std::uint32_t most = (1U << bits) - 1, flip = layout_.white_is_zero ? most : 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      out[i] = static_cast<std::uint8_t>((bits_at(in, i, bits) ^ flip) * (255 / most));
    }
    return;
  }
  // Not turned round where white is zero: Pillow does not do it either.
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint32_t value = 0;
    if (bits == 12) {
      const std::uint8_t* pair = in + i / 2 * 3;
      value = i % 2 == 0 ? pair[0] << 4 | pair[1] >> 4 : (pair[1] & 15) << 8 | pair[2];
    } else {
      value = little_endian_ ? in[2 * i] | in[2 * i + 1] << 8 : in[2 * i] << 8 | in[2 * i + 1];
    }
    const auto sample = static_cast<std::uint16_t>(value);
    std::memcpy(out + 2 * i, &sample, sizeof sample);
  }
}

// Three or four of a pixel's samples, of 16 bits the upper eight.
void TiffPixels::unpack_colors(const std::uint8_t* in, std::uint32_t samples, std::uint64_t count,
                               std::uint8_t* out) const {
  const std::size_t size = layout_.bits / 8;
  const std::size_t upper = size == 2 && little_endian_ ? 1 : 0;
  const auto channels = static_cast<std::size_t>(image_.channels);
  const std::uint8_t* sample = in + upper;
  std::uint8_t* pixel = out;
  for (std::uint64_t i = 0; i < count; ++i, sample += samples * size, pixel += channels) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      pixel[channel] = sample[channel * size];
    }
  }
  if (layout_.color == TiffColor::kRgba && layout_.premultiplied) {
    for (std::uint64_t i = 0; i < count; ++i) undo_premultiplication(out + 4 * i);
  }
  if (layout_.color == TiffColor::kLab) {  // a and b are signed in the file
    for (std::uint64_t i = 0; i < count; ++i) {
      out[3 * i + 1] ^= 128;
      out[3 * i + 2] ^= 128;
    }
  }
}

void TiffPixels::unpack(const std::uint8_t* in, std::uint32_t samples, std::uint64_t count,
                        std::uint8_t* out) const {
  switch (layout_.color) {
    case TiffColor::kGray:
      unpack_gray(in, count, out);
      break;
    case TiffColor::kGrayAlpha:
      for (std::uint64_t i = 0; i < count; ++i, out += 4) {
        out[0] = out[1] = out[2] = in[2 * i];
        out[3] = in[2 * i + 1];
      }
      break;
    case TiffColor::kPalette:
      for (std::uint64_t i = 0; i < count; ++i, out += 3) {
        std::memcpy(out, &palette_[std::size_t{3} * bits_at(in, i, layout_.bits)], 3);
      }
      break;
    case TiffColor::kPaletteAlpha:
      for (std::uint64_t i = 0; i < count; ++i, out += 3) {
        std::memcpy(out, &palette_[std::size_t{3} * in[2 * i]], 3);
      }
      break;
    case TiffColor::kRgb:
    case TiffColor::kRgba:
    case TiffColor::kCmyk:
    case TiffColor::kLab:
    case TiffColor::kYcbcr:
      unpack_colors(in, samples, count, out);
      break;
  }
}

Image TiffPixels::image(const ToRgb& to_rgb) {
  const std::uint64_t row = layout_.width * layout_.samples * (layout_.bits / 8);
  for (std::uint64_t y = 0; !planes_.empty() && y < layout_.height; ++y) {
    unpack(planes_.data() + y * row, layout_.samples, layout_.width, at(0, y));
  }
  image_.data = pixels_.get();
  image_.owner = pixels_;
  if (layout_.color == TiffColor::kLab) image_.to_rgb = to_rgb;
  if (layout_.color == TiffColor::kCmyk) image_.to_rgb = cmyk_to_rgb;
  return image_;
}

}  // namespace clip
