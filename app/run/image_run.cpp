#include "run/image_run.h"

#include <fmt/format.h>

#include <vector>

#include "terminal/hints.h"

namespace clip_cli {

void add_image_run_options(CLI::App* command, ImageRunOptions* options) {
  add_run_options(command, &options->run);
  add_model_options(command, &options->model);
  add_decode_options(command, &options->decode);
}

clip::EmbedOptions embed_options(const ImageRunOptions& options, const clip::ModelConfig& config,
                                 int thumbnail_side) {
  clip::EmbedOptions embed;
  embed.encoder = encoder_options(options.model);
  embed.decode = decode_options(options.decode, config);
  embed.max_batch = options.run.batch;
  embed.thumbnail_side = thumbnail_side;
  return embed;
}

void add_engine_facts(const ImageRunOptions& options, const clip::Model& model, RunFacts* facts) {
  const clip::EncoderOptions& encoder = options.model.encoder;
  facts->add("engine",
             fmt::format("{},{}", clip::resolve_engine(model, encoder).name, encoder.device));
  facts->add("precision", name_of(clip::resolve_precision(model, encoder)));
}

void add_decoding_facts(const ImageRunOptions& options, RunFacts* facts) {
  const ImageDecodeOptions& decode = options.decode;
  facts->add("decoding", fmt::format("{},{},{}", decode.ignore_exif ? "as-stored" : "upright",
                                     decode.fast_decode ? "fast" : "exact", decode.max_megapixels));
}

std::optional<clip::ResultError> image_error(const clip::ImageResult& result) {
  if (!result.error) return std::nullopt;
  return clip::ResultError{clip::kBadImage, message_of(*result.error)};
}

void for_each_image(clip::ImageEmbedder* embedder, Progress* progress,
                    const std::function<void(const clip::ImageResult&)>& use,
                    const std::function<void()>& after_batch) {
  progress->show();
  for (std::vector<clip::ImageResult> batch; embedder->next(&batch);) {
    for (const clip::ImageResult& result : batch) use(result);
    if (after_batch) after_batch();
    progress->show();
  }
}

RunSummary summary_of(const Progress& progress, bool interrupted) {
  return {progress.done(), progress.failed(), progress.seconds(), interrupted};
}

}  // namespace clip_cli
