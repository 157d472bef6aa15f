// A decoded picture: 8 or 16 bits a sample, channels interleaved. Copies share the pixels, which
// are never changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "image/header.h"

namespace clip {

struct Picture {
  std::int64_t width = 0, height = 0;
  // 1: gray; 3: blue, green, red (OpenCV's order); 4: the same and alpha. Gray with alpha has 4.
  int channels = 3;
  PixelMode mode = PixelMode::kRgb;  // how it is resized; kInteger has 16-bit samples, others 8-bit
  const std::uint8_t* data = nullptr;  // the first sample of the first row
  std::ptrdiff_t stride = 0;           // bytes from one row to the next
  std::shared_ptr<const void> owner;   // of the pixels

  const std::uint8_t* row(std::int64_t y) const { return data + y * stride; }
};

}  // namespace clip
