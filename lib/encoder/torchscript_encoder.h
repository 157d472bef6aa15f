// Runs the export's own encode_image and encode_text in LibTorch's interpreter: the reference that
// other encoders are held to, for any export that has these two methods, on any device. On the CPU
// it computes in float32 whatever the weights are stored in; on CUDA the export runs as it is.
// Loading compiles the code in the file and runs any __setstate__ in it: for trusted files only.
#pragma once

#include <memory>
#include <string>

#include "encoder/encoder.h"
#include "model/model_file.h"

namespace clip {

class TorchScriptEncoder : public Encoder {
 public:
  // `device`: "cpu", "cuda" or "cuda:N". Sets LibTorch's number of threads for the process.
  TorchScriptEncoder(std::shared_ptr<const ModelFile> model, const std::string& device,
                     int threads);
  ~TorchScriptEncoder() override;

  Embeddings encode_images(const float* pixels, std::int64_t count) override;
  Embeddings encode_texts(const std::vector<TokenIds>& prompts) override;
  const char* engine() const override { return "torchscript"; }

 private:
  struct Implementation;  // holds LibTorch's types, so that this header needs none of its headers
  std::unique_ptr<Implementation> implementation_;
};

// As the constructor. A program may put another function of this name in its place, which loads
// LibTorch only when it is called: clip-cli does (torchscript_module.h).
std::unique_ptr<Encoder> open_torchscript_encoder(std::shared_ptr<const ModelFile> model,
                                                  const std::string& device, int threads);

}  // namespace clip
