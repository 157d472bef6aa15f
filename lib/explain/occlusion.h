// The cells that carry a score, by occlusion (Zeiler and Fergus, "Visualizing and understanding
// convolutional networks", 2014): windows of the image are covered, one after the other, and each
// cell gets the mean of what the score falls by under the windows that cover it. For every encoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "clip/cancel.h"
#include "clip/embeddings.h"
#include "clip/engine.h"
#include "explain/heat_grid.h"

namespace clip {

struct OcclusionOptions {
  // [dim], normalized: the embedding of a prompt that says nothing, such as the empty one. What its
  // score falls by is taken off: a covered image is less of an image to any prompt. (As the
  // redundant features of Li et al., "A closer look at the explainability of contrastive
  // language-image pre-training", 2023.) Null: nothing is.
  const float* neutral = nullptr;
  std::int64_t cells = 7;   // a side of the grid
  std::int64_t window = 2;  // cells a side of what is covered at once
  std::size_t batch = 32;   // covered images that are encoded at once
  // Told after each batch: how many windows are done, and how many there are.
  std::function<void(std::size_t done, std::size_t total)> progress;
  const CancelToken* cancel = nullptr;  // ends it with an Error (kCancelled); null: nothing does
};

// What is covered becomes the image's mean colour: black or the mean of all training images would
// be a new thing in it. Windows hang over the edges, so that cells there are covered as often as
// any. `texts`: [texts, dim], normalized. How much taking off a neutral prompt, and the sizes of
// the options, are worth was measured by scripts/pointing_game.
HeatGrid explain_by_occlusion(ImageEncoder* encoder, const ExplainedInput& input,
                              const Embeddings& texts, const OcclusionOptions& options);

}  // namespace clip
