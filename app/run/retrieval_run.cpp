#include "run/retrieval_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "clip/error.h"
#include "clip/text_embedder.h"
#include "index/recall.h"
#include "terminal/error_notice.h"
#include "terminal/hints.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

constexpr std::size_t kTextsAtOnce = 64;

[[noreturn]] void interrupted() {
  throw clip::Error(clip::ErrorCode::kCancelled, "interrupted before all had been compared");
}

void append(const float* row, std::int64_t dim, clip::Embeddings* to) {
  to->dim = dim;
  to->values.insert(to->values.end(), row, row + dim);
  ++to->count;
}

// Texts with the places of their images.
struct Captions {
  std::vector<std::string> texts;
  std::vector<std::uint32_t> image_of_text;
};

// Their embeddings; those that fail go from `captions`, and are counted.
clip::Embeddings embed_captions(clip::TextEmbedder* embedder, const clip::CancelToken& stop,
                                Progress* progress, Captions* captions, std::uint64_t* failed) {
  clip::Embeddings rows;
  std::vector<std::uint32_t> image_of_text;
  const auto add = [&](std::size_t first, const clip::Embeddings& some) {
    for (std::int64_t i = 0; i < some.count; ++i) {
      append(some.row(i), some.dim, &rows);
      image_of_text.push_back(captions->image_of_text[first + static_cast<std::size_t>(i)]);
    }
  };
  for (std::size_t first = 0; first < captions->texts.size(); first += kTextsAtOnce) {
    if (stop.cancelled()) interrupted();
    progress->show(fmt::format("{}/{} captions", first, captions->texts.size()));
    const auto begin = captions->texts.begin() + static_cast<std::ptrdiff_t>(first);
    const std::size_t count = std::min(kTextsAtOnce, captions->texts.size() - first);
    const std::vector<std::string> some(begin, begin + static_cast<std::ptrdiff_t>(count));
    try {
      add(first, embedder->embed(some));
    } catch (const clip::Error&) {
      // One of them alone is at fault, or each is.
      for (std::size_t i = 0; i < count; ++i) {
        try {
          add(first + i, embedder->embed({some[i]}));
        } catch (const clip::Error& error) {
          ++*failed;
          progress->clear();
          error_notice(message_of(error));
        }
      }
    }
  }
  captions->image_of_text = std::move(image_of_text);
  return rows;
}

}  // namespace

clip::Json metrics_of(const RetrievalResult& result) {
  clip::Json metrics = clip::Json::object();
  const auto number = [](double share) {
    return std::isnan(share) ? clip::Json(nullptr) : clip::Json(share);
  };
  for (std::size_t i = 0; i < std::size(kRecallCutoffs); ++i) {
    metrics[fmt::format("image_retrieval_recall@{}", kRecallCutoffs[i])] =
        number(result.image_recall[i]);
    metrics[fmt::format("text_retrieval_recall@{}", kRecallCutoffs[i])] =
        number(result.text_recall[i]);
  }
  return metrics;
}

clip::Json to_json(const RetrievalResult& result) {
  clip::Json json = clip::Json::object();
  clip::put_name(&json, "model", result.model);
  json["images"] = result.images;
  json["texts"] = result.texts;
  json["failed_images"] = result.failed_images;
  json["failed_texts"] = result.failed_texts;
  json.update(metrics_of(result));
  return json;
}

RetrievalResult run_retrieval(const std::shared_ptr<const clip::Model>& model,
                              const RetrievalSources& sources, const ImageRunOptions& options,
                              bool truncate, clip::CancelToken* stop, Progress* progress) {
  RetrievalResult result;
  result.model = model->path();
  clip::Embeddings images;
  Captions captions;
  {
    clip::ImageEmbedder embedder(model, sources.next, embed_options(options, model->config(), 0),
                                 stop);
    for_each_image(&embedder, progress, [&](const clip::ImageResult& image) {
      const auto error = image_error(image);
      progress->add(error.has_value());
      if (error) {
        ++result.failed_images;
        progress->clear();
        notice(error->message);
        return;
      }
      for (std::string& text : sources.captions(image.source)) {
        captions.texts.push_back(std::move(text));
        captions.image_of_text.push_back(static_cast<std::uint32_t>(images.count));
      }
      append(image.embedding, image.dim, &images);
    });
  }
  if (stop->cancelled()) interrupted();
  clip::TextOptions texts;
  texts.encoder = encoder_options(options.model);
  texts.truncate = truncate;
  clip::Embeddings embedded;
  {
    clip::TextEmbedder embedder(model, texts);
    embedded = embed_captions(&embedder, *stop, progress, &captions, &result.failed_texts);
  }
  if (images.count == 0 || embedded.count == 0) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      images.count == 0 ? "no image could be embedded"
                                        : "no image has a caption that could be embedded");
  }
  result.images = static_cast<std::uint64_t>(images.count);
  result.texts = static_cast<std::uint64_t>(embedded.count);
  const clip::RetrievalRanks ranks = clip::retrieval_ranks(
      images, embedded, captions.image_of_text, static_cast<int>(threads(options.model)), stop);
  for (const std::uint32_t k : kRecallCutoffs) {
    result.image_recall.push_back(clip::recall_at(ranks.of_texts, k));
    result.text_recall.push_back(clip::recall_at(ranks.of_images, k));
  }
  return result;
}

}  // namespace clip_cli
