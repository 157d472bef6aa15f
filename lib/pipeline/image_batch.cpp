#include "pipeline/image_batch.h"

#include "error.h"

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

ImageBatch embed_images(Encoder* encoder, const PreprocessRule& rule, const DecodeOptions& options,
                        const std::vector<std::string>& paths) {
  ImageBatch batch;
  std::vector<float> pixels;  // [good pictures, 3, n, n]
  std::int64_t good = 0;
  for (const std::string& path : paths) {
    ImageResult result{path, ""};
    try {
      const std::vector<float> picture = preprocess_file(path, rule, options);
      pixels.insert(pixels.end(), picture.begin(), picture.end());
      ++good;
    } catch (const Error& error) {
      result.error = error.what();
    }
    batch.results.push_back(std::move(result));
  }
  if (good > 0) {
    batch.embeddings = encoder->encode_images(pixels.data(), good);
    normalize(&batch.embeddings);
  }
  return batch;
}

}  // namespace clip
