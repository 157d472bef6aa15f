// The two towers behind one interface: pictures and prompts in, embeddings out. Calls on one
// encoder must not overlap; each uses all the threads that the encoder was opened with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "encoder/embeddings.h"
#include "nn/precision.h"

namespace clip {

// The ids of one prompt, start and end tokens included, at most the context length, not padded.
using TokenIds = std::vector<std::int32_t>;

class Encoder {
 public:
  virtual ~Encoder() = default;

  // `pixels`: [count, 3, n, n] float32, RGB, normalized with the model's mean and deviation; n is
  // the model's image size. Embeddings are as the model gives them, not normalized.
  virtual Embeddings encode_images(const float* pixels, std::int64_t count) = 0;

  virtual Embeddings encode_texts(const std::vector<TokenIds>& prompts) = 0;

  // The name of the engine, and the precision that it computes in.
  virtual const char* engine() const = 0;
  virtual Precision precision() const { return Precision::kFloat32; }

  // What people should know about how this encoder computes, or nothing.
  virtual std::string notice() const { return ""; }
};

}  // namespace clip
