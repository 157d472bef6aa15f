/// \file
/// Images to normalized embeddings: the loop that every command runs on. Sources are read, decoded
/// and preprocessed by threads of its own, ahead of the encoder, and encoded in batches. An image
/// that cannot be used, or whose embedding is zero or not finite, is a result with an error in it,
/// never the end of the run. Memory is bounded by the options, however many sources there are.
///
///     clip::ImageEmbedder embedder(model, next_source, {});
///     for (std::vector<clip::ImageResult> batch; embedder.next(&batch);) { ... }
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "clip/engine.h"
#include "clip/image.h"
#include "clip/image_source.h"

namespace clip {

/// In which order results come.
enum class ResultOrder {
  kInput,    ///< as the sources came
  kAsReady,  ///< those that are decoded first come first: one large image holds up no others
};

/// How images are embedded.
struct EmbedOptions {
  EncoderOptions encoder;                   ///< how the encoder computes
  DecodeOptions decode;                     ///< how images are decoded
  ResultOrder order = ResultOrder::kInput;  ///< of the results
  std::size_t max_batch = 16;               ///< images encoded at once
  std::size_t decode_ahead = 16;            ///< images decoded beside a batch
  int decode_threads = 0;                   ///< 0: as many as the encoder has
  int thumbnail_side = 0;                   ///< pixels of the longer side; 0: no thumbnails
  bool keep_input = false;                  ///< results have ImageResult::input
  /// Opens the encoder, in place of the options above, so that several embedders can share one;
  /// whoever shares it sees to it that calls do not overlap. Empty: each has one of its own.
  std::function<std::unique_ptr<ImageEncoder>()> open_encoder;
};

/// What became of one image.
struct ImageResult {
  ImageSource source;                ///< as it was given
  std::optional<Error> error;        ///< not empty: it has no embedding, and why
  const float* embedding = nullptr;  ///< [dim], normalized; null where there is an error. Valid
                                     ///< until the next call
  std::int64_t dim = 0;              ///< of that embedding
  std::string thumbnail;             ///< a JPEG file, where thumbnails are made
  std::int64_t width = 0;            ///< of the upright image, before preprocessing
  std::int64_t height = 0;           ///< the same
  std::vector<float> input;          ///< [3, n, n], what the model read, where it is kept
};

/// Images to normalized embeddings, in batches. For one thread at a time.
class ImageEmbedder {
 public:
  /// Decoding begins at once; the encoder is opened with the first image that can be encoded, by
  /// the thread that calls next(). `next_source` is called by one thread at a time, and may wait,
  /// for input on a pipe for one. `stop`: null, or what `next_source` and reading an image from a
  /// pipe wait on: it is cancelled when the embedder goes before the sources have ended, so that no
  /// thread waits for ever.
  ImageEmbedder(std::shared_ptr<const Model> model, NextImage next_source,
                const EmbedOptions& options, CancelToken* stop = nullptr);
  ~ImageEmbedder();
  ImageEmbedder(const ImageEmbedder&) = delete;
  ImageEmbedder& operator=(const ImageEmbedder&) = delete;

  /// The next results, at least one and at most `max_batch`; fewer where more would have to wait
  /// for `next_source`. False when there are none. Throws what `next_source` threw, behind the
  /// results before it, and Error when the encoder cannot be opened: `batch` then holds the results
  /// without embeddings, and the next call goes on.
  bool next(std::vector<ImageResult>* batch);

  /// What the results are encoded with, for the thread that calls next() to use between its calls;
  /// null before the first image that could be encoded.
  ImageEncoder* encoder();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace clip
