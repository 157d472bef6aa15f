// The towers of lib/nn, built from the export's weights alone: nothing in the file is compiled or
// run. For models whose weights are recognised, on the CPU.
#pragma once

#include <memory>

#include "encoder/encoder.h"
#include "model/model_file.h"
#include "nn/precision.h"

namespace clip {

class NativeEncoder : public Encoder {
 public:
  // Every call sets OpenMP's number of threads for the thread that makes it. Throws Error for a
  // model that is not recognised, naming what does not fit. Where the processor cannot multiply
  // bfloat16 by itself, that precision becomes float32, and `notice` says so.
  NativeEncoder(std::shared_ptr<const ModelFile> model, Precision precision, int threads);
  ~NativeEncoder() override;

  Embeddings encode_images(const float* pixels, std::int64_t count) override;
  Embeddings encode_texts(const std::vector<TokenIds>& prompts) override;
  const char* engine() const override { return "native"; }
  Precision precision() const override { return precision_; }
  std::string notice() const override { return notice_; }

 private:
  struct Towers;  // hides lib/nn from those who only encode
  std::shared_ptr<const ModelFile> model_;
  Precision precision_;
  std::unique_ptr<Towers> towers_;
  int threads_;
  std::string notice_;
};

}  // namespace clip
