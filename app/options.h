// Option groups that several commands share, each bound to a CLI11 subcommand by one function.
#pragma once

#include <CLI/App.hpp>
#include <memory>
#include <string>

#include "encoder/open_encoder.h"
#include "image/decode.h"
#include "model/model_file.h"

namespace clip_cli {

struct ModelOptions {
  std::string named;  // --model, else the variable CLIP_MODEL: a path, a name, or nothing
  clip::EncoderOptions encoder;
};

void add_model_options(CLI::App* command, ModelOptions* options);

// How many threads the options ask for: all processors where they name none.
std::size_t threads(const ModelOptions& options);

// Opens the encoder that the options ask for, and tells stderr what it has to say.
std::unique_ptr<clip::Encoder> open_encoder(std::shared_ptr<const clip::ModelFile> model,
                                            const ModelOptions& options);

// Opens and checks the model that the options name (model_lookup.h), and tells stderr what had to
// be assumed. Throws clip::Error when there is none, or the file is not a usable model.
std::shared_ptr<const clip::ModelFile> open_model(const ModelOptions& options);

struct ImageOptions {
  std::uint64_t max_megapixels = 500;
  bool ignore_exif = false;
  bool fast_decode = false;
};

void add_image_options(CLI::App* command, ImageOptions* options);

// For the pictures of this model.
clip::DecodeOptions decode_options(const ImageOptions& options, const clip::ModelConfig& config);

}  // namespace clip_cli
