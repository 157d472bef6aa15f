// What every run over images does alike: embed them, show how far it is, report what fails.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "clip/image_embedder.h"
#include "clip/image_paths.h"
#include "options/decode_options.h"
#include "options/model_options.h"
#include "options/run_options.h"
#include "run/resume.h"
#include "service/result.h"
#include "terminal/progress.h"
#include "writers/record.h"

namespace clip_cli {

struct ImageRunOptions {
  RunOptions run;
  ModelOptions model;
  ImageDecodeOptions decode;
};

void add_image_run_options(CLI::App* command, ImageRunOptions* options);

clip::EmbedOptions embed_options(const ImageRunOptions& options, const clip::ModelConfig& config,
                                 int thumbnail_side);

// What of these options determines an embedding: "engine" and "precision", and, of images,
// "decoding".
void add_engine_facts(const ImageRunOptions& options, const clip::Model& model, RunFacts* facts);
void add_decoding_facts(const ImageRunOptions& options, RunFacts* facts);

// The error of an image as results carry it: kBadImage and the message with its hint.
std::optional<clip::ResultError> image_error(const clip::ImageResult& result);

// Hands the results of all images to `use`, in order, and calls `after_batch` when a batch has been
// used. Until the first result, and after each batch, the progress line is shown.
void for_each_image(clip::ImageEmbedder* embedder, Progress* progress,
                    const std::function<void(const clip::ImageResult&)>& use,
                    const std::function<void()>& after_batch = nullptr);

// "12 files of kinds that cannot be read were left out: 10 camera raw, 2 PSD"
std::string left_out_text(const clip::LeftOut& left_out);

// Behind the last line of the progress: says which files of folders were left out, and gives the
// exit code: kFailed where an image failed, now or before, or where the run was over none at all,
// and was not interrupted. `inputs`: how many the run found, where others may have them.
int finish_images(const Progress& progress, const clip::LeftOut& left_out, bool quiet,
                  std::uint64_t failed_before = 0, std::uint64_t inputs = 0);

// For the summary at the end of a page.
RunSummary summary_of(const Progress& progress, bool interrupted);

}  // namespace clip_cli
