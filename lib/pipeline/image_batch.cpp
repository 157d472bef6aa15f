#include "pipeline/image_batch.h"

#include <utility>

namespace clip {

PreprocessRule preprocess_rule(const ModelConfig& config) {
  PreprocessRule rule;
  rule.image_size = static_cast<int>(config.vision.image_size);
  rule.mean = config.mean;
  rule.deviation = config.deviation;
  rule.resize =
      config.resize == ResizeMode::kSquash ? ResizeRule::kSquash : ResizeRule::kShortestSide;
  return rule;
}

bool embed_next(ImageStream* stream, Encoder* encoder, std::size_t most, ImageBatch* batch) {
  *batch = ImageBatch();
  std::vector<float> pixels;  // [good pictures, 3, n, n]
  std::int64_t good = 0;
  const auto next = [&](PreparedImage* image) {
    if (batch->results.empty()) return stream->next(image);
    return batch->results.size() < most && stream->next_at_hand(image);
  };
  for (PreparedImage image; next(&image);) {
    if (image.error.empty()) {
      ++good;
      pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
    }
    batch->results.push_back(
        {std::move(image.path), std::move(image.error), std::move(image.thumbnail), image.tag});
  }
  if (good > 0) {
    batch->embeddings = encoder->encode_images(pixels.data(), good);
    normalize(&batch->embeddings);
  }
  return !batch->results.empty();
}

}  // namespace clip
