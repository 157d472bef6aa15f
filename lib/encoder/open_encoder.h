// Chooses and builds the encoder for a model file.
#pragma once

#include <memory>
#include <string>

#include "encoder/encoder.h"
#include "model/model_file.h"
#include "nn/precision.h"

namespace clip {

enum class Engine {
  kAuto,         // native on the CPU where the weights are recognised, else torchscript
  kNative,       // our own towers, from the weights alone
  kTorchScript,  // the export's own code, in LibTorch
};

struct EncoderOptions {
  Engine engine = Engine::kAuto;
  Precision precision = Precision::kFloat32;  // of the native engine
  std::string device = "cpu";                 // "cpu", "cuda" or "cuda:N"
  int threads = 0;                            // 0: all processors that this process may use
};

// The engine that kAuto stands for with this model and device.
Engine resolve_engine(const ModelFile& model, const EncoderOptions& options);

// Throws Error for a device that is unknown or not there, for an export that does not run, and for
// a precision or an engine that the model or the device does not have.
std::unique_ptr<Encoder> open_encoder(std::shared_ptr<const ModelFile> model,
                                      const EncoderOptions& options);

}  // namespace clip
