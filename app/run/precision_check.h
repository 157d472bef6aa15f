// What a precision costs in quality: a model's embeddings and scores in it, beside those in fp32,
// on images and prompts.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clip/engine.h"
#include "clip/image_embedder.h"
#include "clip/model.h"

namespace clip_cli {

struct PrecisionQuality {
  clip::Precision precision;
  // Cosines of embeddings in this precision with those in fp32.
  double mean_image_cosine, min_image_cosine, mean_text_cosine, min_text_cosine;
  // Differences of scores, 100 x cosine of an image with a prompt.
  double mean_score_difference, max_score_difference;
  // Shares of the images whose first prompt is the same, and of pairs of prompts that an image
  // ranks in the same order.
  double same_first, same_order;
};

class PrecisionCheck {
 public:
  // Embeds all images that `next` gives, but those that cannot be used, and the prompts in fp32.
  PrecisionCheck(std::shared_ptr<const clip::Model> model, const clip::NextImage& next,
                 std::vector<std::string> prompts, const clip::EmbedOptions& options);

  std::size_t images() const { return sources_.size(); }
  std::size_t failed() const { return failed_; }
  // Throws clip::Error where there are no images.
  PrecisionQuality quality_in(clip::Precision precision);

 private:
  struct Embedded {
    clip::Embeddings images, texts;
  };
  Embedded embed(clip::Precision precision, const clip::NextImage& next,
                 std::vector<clip::ImageSource>* used);

  std::shared_ptr<const clip::Model> model_;
  std::vector<std::string> prompts_;
  clip::EmbedOptions options_;
  std::vector<clip::ImageSource> sources_;  // those that have embeddings
  std::size_t failed_ = 0;
  Embedded exact_;
};

}  // namespace clip_cli
