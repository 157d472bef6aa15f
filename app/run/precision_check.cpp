#include "run/precision_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "clip/embeddings.h"
#include "clip/error.h"
#include "clip/text_embedder.h"
#include "terminal/hints.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

struct MeanAndMin {
  double mean = 0, min = 1;
};

MeanAndMin cosines_between(const clip::Embeddings& a, const clip::Embeddings& b) {
  MeanAndMin result;
  for (std::int64_t i = 0; i < a.count; ++i) {
    double cosine = 0;
    for (std::int64_t k = 0; k < a.dim; ++k) {
      cosine += static_cast<double>(a.row(i)[k]) * b.row(i)[k];
    }
    result.mean += cosine / static_cast<double>(a.count);
    result.min = std::min(result.min, cosine);
  }
  return result;
}

std::size_t first_of(const std::vector<double>& scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

}  // namespace

PrecisionCheck::PrecisionCheck(std::shared_ptr<const clip::Model> model,
                               const clip::NextImage& next, std::vector<std::string> prompts,
                               const clip::EmbedOptions& options)
    : model_(std::move(model)), prompts_(std::move(prompts)), options_(options) {
  exact_ = embed(clip::Precision::kFloat32, next, &sources_);
}

PrecisionCheck::Embedded PrecisionCheck::embed(clip::Precision precision,
                                               const clip::NextImage& next,
                                               std::vector<clip::ImageSource>* used) {
  clip::EmbedOptions options = options_;
  options.encoder.precision = precision;
  clip::TextOptions text;
  text.encoder = options.encoder;
  Embedded embedded;
  embedded.texts = clip::TextEmbedder(model_, text).embed(prompts_);
  embedded.images.dim = embedded.texts.dim;
  clip::ImageEmbedder embedder(model_, next, options);
  for (std::vector<clip::ImageResult> batch; embedder.next(&batch);) {
    for (clip::ImageResult& result : batch) {
      if (result.error) {
        if (used == nullptr) throw *result.error;  // it could be used a moment ago
        notice(message_of(*result.error));
        ++failed_;
        continue;
      }
      ++embedded.images.count;
      embedded.images.values.insert(embedded.images.values.end(), result.embedding,
                                    result.embedding + result.dim);
      if (used != nullptr) used->push_back(std::move(result.source));
    }
  }
  return embedded;
}

PrecisionQuality PrecisionCheck::quality_in(clip::Precision precision) {
  if (sources_.empty()) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument, "there is no image to compare by");
  }
  std::size_t given = 0;
  const Embedded other = embed(
      precision,
      [&](clip::ImageSource* source) {
        if (given == sources_.size()) return false;
        *source = sources_[given++];
        return true;
      },
      nullptr);

  PrecisionQuality quality = {};
  quality.precision = precision;
  const MeanAndMin images = cosines_between(exact_.images, other.images);
  const MeanAndMin texts = cosines_between(exact_.texts, other.texts);
  quality.mean_image_cosine = images.mean;
  quality.min_image_cosine = images.min;
  quality.mean_text_cosine = texts.mean;
  quality.min_text_cosine = texts.min;
  const std::size_t prompts = prompts_.size();
  std::size_t same_first = 0, same_order = 0, pairs = 0;
  double sum = 0;
  for (std::int64_t i = 0; i < exact_.images.count; ++i) {
    const std::vector<double> a = clip::cosines_with(exact_.images.row(i), exact_.texts);
    const std::vector<double> b = clip::cosines_with(other.images.row(i), other.texts);
    same_first += first_of(a) == first_of(b) ? 1 : 0;
    for (std::size_t j = 0; j < prompts; ++j) {
      const double difference = 100 * std::abs(a[j] - b[j]);
      sum += difference;
      quality.max_score_difference = std::max(quality.max_score_difference, difference);
      for (std::size_t k = 0; k < j; ++k) {
        ++pairs;
        same_order += (a[j] < a[k]) == (b[j] < b[k]) ? 1 : 0;
      }
    }
  }
  const auto count = static_cast<double>(exact_.images.count);
  quality.mean_score_difference = sum / (count * static_cast<double>(prompts));
  quality.same_first = static_cast<double>(same_first) / count;
  quality.same_order =
      pairs == 0 ? 1 : static_cast<double>(same_order) / static_cast<double>(pairs);
  return quality;
}

}  // namespace clip_cli
