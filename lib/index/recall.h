// Retrieval on images with captions: where the right image stands among all images for a text, and
// the first right text among all texts for an image. Exact, by products in float of all texts with
// all images, in blocks: beside the embeddings and their copy, memory is a few numbers for each.
#pragma once

#include <cstdint>
#include <vector>

#include "clip/cancel.h"
#include "clip/embeddings.h"

namespace clip {

struct RetrievalRanks {
  // Of an image that no text belongs to.
  static constexpr std::uint32_t kNone = 0xffffffff;

  std::vector<std::uint32_t> of_texts;   // how many images come before the text's own
  std::vector<std::uint32_t> of_images;  // how many texts come before the first of the image's own
};

// `image_of_text`: [texts], the place of each text's image. Both must be normalized, and of one
// dimension. A greater product comes before a smaller one; of equal ones the earlier row. The
// result does not depend on the number of threads (0: all that this process may use). Throws Error
// (kCancelled) once `stop`, which may be null, is cancelled.
RetrievalRanks retrieval_ranks(const Embeddings& images, const Embeddings& texts,
                               const std::vector<std::uint32_t>& image_of_text, int threads,
                               const CancelToken* stop);

// The share of ranks below k, those that are kNone left out: recall@k, as papers on CLIP and
// CLIP_benchmark count it, where one right answer among the first k is enough. NaN where there are
// no ranks.
double recall_at(const std::vector<std::uint32_t>& ranks, std::uint32_t k);

}  // namespace clip
