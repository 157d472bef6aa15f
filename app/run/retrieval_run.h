// Retrieval on images with captions: how often the right image, or a right text, is among the first
// that a model finds. It is what `evaluate --retrieval` measures.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "clip/image_source.h"
#include "clip/model.h"
#include "run/image_run.h"
#include "service/json.h"
#include "terminal/progress.h"

namespace clip_cli {

// How many of the first hits count.
inline constexpr std::uint32_t kRecallCutoffs[] = {1, 5, 10};

struct RetrievalResult {
  std::string model;  // its path
  std::uint64_t images = 0, texts = 0;
  std::uint64_t failed_images = 0, failed_texts = 0;  // and left out
  // By kRecallCutoffs: the share of texts whose image is among the first k images, and of images
  // one of whose texts is among the first k texts.
  std::vector<double> image_recall, text_recall;
};

// {"image_retrieval_recall@1", "text_retrieval_recall@1", ...}, as CLIP_benchmark names them.
clip::Json metrics_of(const RetrievalResult& result);
clip::Json to_json(const RetrievalResult& result);

struct RetrievalSources {
  clip::NextImage next;
  // The captions of an image that has been embedded; it may have none.
  std::function<std::vector<std::string>(const clip::ImageSource&)> captions;
};

// Embeds the images, then their captions, each once, and compares all with all. An image or a
// caption that cannot be embedded is left out, with a notice; captions of such an image, too.
// `truncate`: captions that are too long are cut. Throws clip::Error (kNotFound) where nothing is
// left to compare, and (kCancelled) once `stop` is cancelled.
RetrievalResult run_retrieval(const std::shared_ptr<const clip::Model>& model,
                              const RetrievalSources& sources, const ImageRunOptions& options,
                              bool truncate, clip::CancelToken* stop, Progress* progress);

}  // namespace clip_cli
