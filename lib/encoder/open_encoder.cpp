#include "encoder/open_encoder.h"

#include "encoder/processors.h"
#include "encoder/torchscript_encoder.h"

namespace clip {

std::unique_ptr<Encoder> open_encoder(std::shared_ptr<const ModelFile> model,
                                      const EncoderOptions& options) {
  const int threads = options.threads > 0 ? options.threads : usable_processors();
  return std::make_unique<TorchScriptEncoder>(std::move(model), options.device, threads);
}

}  // namespace clip
