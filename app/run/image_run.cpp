#include "run/image_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "exit_code.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"

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
                                     decode.fast_decode ? "fast" : "exact",
                                     static_cast<double>(decode.max_pixels) / 1e6));
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

std::string left_out_text(const clip::LeftOut& left_out) {
  std::vector<std::pair<std::uint64_t, std::string>> kinds;
  std::uint64_t files = 0;
  for (const auto& [kind, count] : left_out) {
    kinds.emplace_back(count, kind);
    files += count;
  }
  // The most frequent first; of equal ones by name.
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text = fmt::format("{} file{} of kinds that cannot be read {} left out:", files,
                                 files == 1 ? "" : "s", files == 1 ? "was" : "were");
  for (const auto& [count, kind] : kinds) {
    text += fmt::format("{} {} {}", text.back() == ':' ? "" : ",", count, kind);
  }
  return text;
}

int finish_images(const Progress& progress, const clip::LeftOut& left_out, bool quiet,
                  std::uint64_t failed_before, std::uint64_t inputs) {
  if (!left_out.empty() && !quiet) notice(left_out_text(left_out));
  if (left_out.count(clip::kArchivesLeftOut) > 0 && !quiet) {
    notice("archives are read where they are named, not in folders");
  }
  const bool none =
      progress.done() == 0 && progress.skipped() == 0 && inputs == 0 && interrupt_signal() == 0;
  if (none) notice("no image was found");
  return progress.failed() + failed_before == 0 && !none ? kDone : kFailed;
}

RunSummary summary_of(const Progress& progress, bool interrupted) {
  return {progress.done(), progress.failed(), progress.seconds(), interrupted};
}

}  // namespace clip_cli
