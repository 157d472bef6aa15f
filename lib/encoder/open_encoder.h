// Chooses and builds the encoder for a model file.
#pragma once

#include <memory>
#include <string>

#include "encoder/encoder.h"
#include "model/model_file.h"

namespace clip {

struct EncoderOptions {
  std::string device = "cpu";  // "cpu", "cuda" or "cuda:N"
  int threads = 0;             // 0: all processors that this process may use
};

// Throws Error for a device that is unknown or not there, and for an export that does not run.
std::unique_ptr<Encoder> open_encoder(std::shared_ptr<const ModelFile> model,
                                      const EncoderOptions& options);

}  // namespace clip
