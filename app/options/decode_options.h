// How image files are decoded.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>

#include "clip/image.h"
#include "clip/model_config.h"

namespace clip_cli {

struct ImageDecodeOptions {
  std::uint64_t max_pixels = 500'000'000;
  bool ignore_exif = false;
  bool fast_decode = false;
  std::uint64_t max_memory = 0;  // bytes; 0: half of what this process may use
};

// --max-memory alone, for commands whose other options of decoding are fixed.
void add_memory_option(CLI::App* command, ImageDecodeOptions* options);
void add_decode_options(CLI::App* command, ImageDecodeOptions* options);

// For the images of this model. The budget of memory is one for all that use the result.
clip::DecodeOptions decode_options(const ImageDecodeOptions& options,
                                   const clip::ModelConfig& config);

}  // namespace clip_cli
