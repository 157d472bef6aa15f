// A reusable buffer for the pixels of one image after the other. Faulting in fresh pages costs a
// third of a large image's decoding. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace clip {

class PixelBuffer {
 public:
  // At least `bytes`, none of them of an image that is still in use.
  std::shared_ptr<std::uint8_t> take(std::size_t bytes) {
    // A buffer that is much too large is let go, lest one huge image hold it for ever.
    if (pixels_.use_count() != 1 || bytes_ < bytes || bytes_ / 4 > bytes) {
      pixels_ = nullptr;  // before there is more
      pixels_ = std::shared_ptr<std::uint8_t>(new std::uint8_t[bytes],
                                              std::default_delete<std::uint8_t[]>());
      bytes_ = bytes;
    }
    return pixels_;
  }

  // Keeps no more than this for the next image. Pixels that are in use stay as long as they are.
  void keep_at_most(std::size_t bytes) {
    if (bytes_ <= bytes) return;
    pixels_ = nullptr;
    bytes_ = 0;
  }

 private:
  std::shared_ptr<std::uint8_t> pixels_;
  std::size_t bytes_ = 0;
};

}  // namespace clip
