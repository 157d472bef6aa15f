// The samples of a TIFF, which come in strips or tiles, to the pixels that Pillow has of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "clip/image.h"
#include "image/formats/tiff_layout.h"
#include "image/pixel_buffer.h"

namespace clip {

// A strip or tile, or what of it lies within the image.
struct TiffPart {
  std::uint64_t x = 0, y = 0, columns = 0, rows = 0;
  std::uint32_t plane = 0;
  std::uint32_t samples = 1;  // of a pixel: 1 where each plane has its own parts
  const std::uint8_t* data = nullptr;
  std::uint64_t stride = 0;  // bytes from one row to the next
};

// For one image; not copied, for it works in place.
class TiffPixels {
 public:
  // `little_endian`: the order in which 16-bit samples come.
  TiffPixels(const TiffLayout& layout, bool little_endian, PixelBuffer* buffer);
  TiffPixels(const TiffPixels&) = delete;
  TiffPixels& operator=(const TiffPixels&) = delete;

  void put(const TiffPart& part);

  // When all parts are there. `to_rgb`: of Lab.
  Image image(const ToRgb& to_rgb);

 private:
  std::uint8_t* at(std::uint64_t x, std::uint64_t y);
  void keep_plane(const TiffPart& part);
  void unpack(const std::uint8_t* in, std::uint32_t samples, std::uint64_t count,
              std::uint8_t* out) const;
  void unpack_gray(const std::uint8_t* in, std::uint64_t count, std::uint8_t* out) const;
  void unpack_colors(const std::uint8_t* in, std::uint32_t samples, std::uint64_t count,
                     std::uint8_t* out) const;

  const TiffLayout& layout_;
  bool little_endian_;
  Image image_;
  std::uint64_t pixel_bytes_;
  std::shared_ptr<std::uint8_t> pixels_;
  std::vector<std::uint8_t> planes_;   // interleaved, where they come one by one
  std::vector<std::uint8_t> palette_;  // RGB
};

}  // namespace clip
