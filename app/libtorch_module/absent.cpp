// In a build without LibTorch its engines are known by name, and say so.

#include "clip/error.h"
#include "libtorch_module/load.h"

namespace clip_cli {
namespace {

constexpr char kReason[] = "this build of clip-cli has no LibTorch";

std::string unsuitable(const clip::Model&, const clip::EncoderOptions&) {
  return kReason;
}

std::unique_ptr<clip::ImageEncoder> open_image_encoder(std::shared_ptr<const clip::Model>,
                                                       const clip::EncoderOptions&) {
  throw clip::Error(clip::ErrorCode::kUnsupported, kReason);
}

std::unique_ptr<clip::TextEncoder> open_text_encoder(std::shared_ptr<const clip::Model>,
                                                     const clip::EncoderOptions&) {
  throw clip::Error(clip::ErrorCode::kUnsupported, kReason);
}

}  // namespace

LibTorchEngines libtorch_module_engines() {
  return {{"libtorch", unsuitable, open_image_encoder, open_text_encoder},
          {"torchscript", unsuitable, open_image_encoder, open_text_encoder}};
}

}  // namespace clip_cli
