// From prepared pictures to normalized embeddings, a batch at a time. A picture that could not be
// read is a result with an error in it, never the end of the run.
#pragma once

#include <string>
#include <vector>

#include "encoder/encoder.h"
#include "image/decode.h"
#include "image/preprocess.h"
#include "model/config.h"
#include "pipeline/image_stream.h"

namespace clip {

struct ImageResult {
  std::string path;
  std::string error;      // empty when the picture was read
  std::string thumbnail;  // a JPEG file, where the stream makes them
  std::uint64_t tag = 0;  // that came with the path
};

struct ImageBatch {
  std::vector<ImageResult> results;  // one for each path, in their order
  Embeddings embeddings;             // [good results, dim], normalized, in their order
};

// How pictures become the model's input.
PreprocessRule preprocess_rule(const ModelConfig& config);

// Embeds the next pictures of a stream, at most `most`, and fewer where the stream would have to
// wait for more paths. False when there are none.
bool embed_next(ImageStream* stream, Encoder* encoder, std::size_t most, ImageBatch* batch);

}  // namespace clip
