// By c10's interface to streams of any device, for that of CUDA comes only with a LibTorch that has
// CUDA.

#include "libtorch/pixel_copies.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstring>
#include <vector>

namespace clip::libtorch {

PixelCopies::PixelCopies(at::Device device) : device_(device) {
  if (device.is_cpu()) return;
  stream_ = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
}

at::Tensor PixelCopies::operator()(const float* pixels, std::int64_t count,
                                   std::int64_t side) const {
  const std::vector<std::int64_t> shape = {count, 3, side, side};
  // from_blob wants a mutable pointer; the towers only read.
  if (!stream_) return at::from_blob(const_cast<float*>(pixels), shape, at::kFloat);

  // LibTorch keeps pinned memory for the next batch, and lends it again when the copy is done.
  const at::Tensor pinned =
      at::empty(shape, at::TensorOptions().dtype(at::kFloat).pinned_memory(true));
  std::memcpy(pinned.data_ptr<float>(), pixels, pinned.nbytes());
  const c10::Stream computing = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
  c10::Event copied(device_.type());
  at::Tensor there;
  {
    const c10::StreamGuard on_its_own(*stream_);
    there = pinned.to(device_, /*non_blocking=*/true);
    copied.record(*stream_);
  }
  copied.block(computing);  // makes that stream wait, not this thread
  // Its memory belongs to the copies' stream, and is not given away before computing is done.
  there.record_stream(computing);
  return there;
}

}  // namespace clip::libtorch
