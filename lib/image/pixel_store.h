// Memory for the pixels of one picture after the other. The system takes as long to hand out fresh
// memory for a large picture as a third of its decoding takes. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace clip {

class PixelStore {
 public:
  // At least `bytes`, none of them of a picture that is still there.
  std::shared_ptr<std::uint8_t> take(std::size_t bytes) {
    // What is kept is let go where it is much too large, lest one huge picture hold it for ever.
    if (pixels_.use_count() != 1 || bytes_ < bytes || bytes_ / 4 > bytes) {
      pixels_ = nullptr;  // before there is more
      pixels_ = std::shared_ptr<std::uint8_t>(new std::uint8_t[bytes],
                                              std::default_delete<std::uint8_t[]>());
      bytes_ = bytes;
    }
    return pixels_;
  }

 private:
  std::shared_ptr<std::uint8_t> pixels_;
  std::size_t bytes_ = 0;
};

}  // namespace clip
