// Puts images onto a device. To a GPU they are copied out of pinned memory and on a stream of its
// own, so that the copy of one batch overlaps with computing the batch before; on the CPU they are
// used where they lie.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include <optional>

namespace clip::libtorch {

class PixelCopies {
 public:
  explicit PixelCopies(at::Device device);

  // `pixels`: [count, 3, side, side]. The tensor can be used on the device's current stream. On the
  // CPU it is a view, valid as long as the pixels; elsewhere they have been read on return.
  at::Tensor operator()(const float* pixels, std::int64_t count, std::int64_t side) const;

 private:
  at::Device device_;
  std::optional<c10::Stream> stream_;  // that copies run on
};

}  // namespace clip::libtorch
