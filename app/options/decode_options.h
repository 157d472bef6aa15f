// How image files are decoded.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>

#include "clip/image.h"
#include "clip/model_config.h"

namespace clip_cli {

struct ImageDecodeOptions {
  std::uint64_t max_megapixels = 500;
  bool ignore_exif = false;
  bool fast_decode = false;
};

void add_decode_options(CLI::App* command, ImageDecodeOptions* options);

// For the images of this model.
clip::DecodeOptions decode_options(const ImageDecodeOptions& options,
                                   const clip::ModelConfig& config);

}  // namespace clip_cli
