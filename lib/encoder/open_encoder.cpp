#include "encoder/open_encoder.h"

#include <fmt/format.h>

#include "encoder/native_encoder.h"
#include "encoder/processors.h"
#include "encoder/torchscript_encoder.h"
#include "error.h"

namespace clip {
namespace {

// Why the native engine is not the one, for messages.
std::string why_not_native(const ModelFile& model, const EncoderOptions& options) {
  if (options.device != "cpu") return "it computes on the CPU only";
  return fmt::format("it cannot run {}: {}", model.path(), model.config().unrecognised);
}

}  // namespace

Engine resolve_engine(const ModelFile& model, const EncoderOptions& options) {
  if (options.engine != Engine::kAuto) return options.engine;
  const bool native = options.device == "cpu" && model.config().recognised;
  return native ? Engine::kNative : Engine::kTorchScript;
}

std::unique_ptr<Encoder> open_encoder(std::shared_ptr<const ModelFile> model,
                                      const EncoderOptions& options) {
  const int threads = options.threads > 0 ? options.threads : usable_processors();
  if (resolve_engine(*model, options) == Engine::kTorchScript) {
    if (options.precision != Precision::kFloat32) {
      std::string message = "only the native engine computes in bf16";
      if (options.engine == Engine::kAuto) message += ", and " + why_not_native(*model, options);
      throw Error(message);
    }
    return open_torchscript_encoder(std::move(model), options.device, threads);
  }
  if (options.device != "cpu") {
    throw Error(
        fmt::format("the native engine computes on the CPU only; use --engine torchscript "
                    "for --device {}",
                    options.device));
  }
  return std::make_unique<NativeEncoder>(std::move(model), options.precision, threads);
}

}  // namespace clip
