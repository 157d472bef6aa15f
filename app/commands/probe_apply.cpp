// `clip-cli probe apply`: the labels that a probe gives embeddings, or images.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "clip/error.h"
#include "clip/image_embedder.h"
#include "clip/zero_shot.h"
#include "commands/probe.h"
#include "embedding/npy_rows.h"
#include "exit_code.h"
#include "input/embedding_lines.h"
#include "options/input_options.h"
#include "probe/probe.h"
#include "run/image_run.h"
#include "run/label_results.h"
#include "run/results.h"
#include "terminal/error_notice.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr std::size_t kRowsAtOnce = 256;  // of stored embeddings

struct ProbeApplyOptions {
  std::string probe;
  ImageInputs images;  // or one NAME.npy
  std::size_t top_k = 5;
  double threshold = 0;
  OutputOptions output;
  ImageRunOptions run;
};

bool is_array(const std::string& path) {
  return clip::extension_of(path) == "npy";
}

bool of_embeddings(const ProbeApplyOptions& options) {
  return std::any_of(options.images.named.begin(), options.images.named.end(), is_array);
}

void check(const ProbeApplyOptions& options) {
  if (of_embeddings(options) && (options.images.named.size() > 1 ||
                                 !options.images.images.empty() || !options.images.list.empty())) {
    throw UsageError("a run takes images, or one NAME.npy of embeddings");
  }
  if (format_of(options.output, "tsv").has_thumbnails) {
    throw UsageError("probe apply has no pages; name the output FILE.jsonl, .tsv or .csv");
  }
}

// What is done with embeddings, wherever they come from.
class Applied {
 public:
  Applied(const ProbeApplyOptions& options, const clip::Probe& probe)
      : options_(options), probe_(probe), columns_(columns_of(options, probe)) {
    const OutputFormat& format =
        format_of(options.output, ::isatty(STDOUT_FILENO) == 1 ? "table" : "tsv");
    results_.emplace(Results::output_of(options.output), format, options.output,
                     label_context(columns_, probe.model.substr(0, 12)));
    results_->begin();
  }

  // The label of one image, whose logits are [classes].
  void label(const float* logits, clip::ClassifyResult* result) const {
    // What rank_labels multiplies is the softmax's exponent: here the logits themselves.
    const std::vector<double> wide(logits, logits + probe_.classes.size());
    for (const clip::RankedLabel& each :
         clip::rank_labels(wide.data(), wide.size(), 1.0, columns_.choices)) {
      result->ranking.push_back({probe_.classes[each.label], std::nullopt, each.probability});
    }
    result->label =
        result->probability() < options_.threshold ? kUnknownLabel : result->ranking.front().label;
  }

  void write(const clip::ClassifyResult& result, Progress* progress) {
    if (result.error || results_->on_terminal()) progress->clear();
    if (result.error) error_notice(result.error->message);
    results_->write(label_record(result, "", columns_));
    progress->add(result.error.has_value());
  }

  void flush() { results_->flush(); }
  void finish(const RunSummary& summary) { results_->finish(summary); }

 private:
  static LabelColumns columns_of(const ProbeApplyOptions& options, const clip::Probe& probe) {
    LabelColumns columns;
    columns.labels = probe.classes;
    columns.choices = std::min(options.top_k, probe.classes.size());
    columns.threshold = options.threshold;
    return columns;
  }

  const ProbeApplyOptions& options_;
  const clip::Probe& probe_;
  const LabelColumns columns_;
  std::optional<Results> results_;
};

[[noreturn]] void refuse_model(const std::string& what, const std::string& model,
                               const clip::Probe& probe) {
  throw clip::Error(
      clip::ErrorCode::kInvalidArgument,
      fmt::format("{} of another model ({}...) than the probe was trained for ({}...)", what,
                  model.substr(0, 12), probe.model.substr(0, 12)));
}

void check_dim(std::int64_t dim, const std::string& of, const clip::Probe& probe) {
  if (dim == probe.classifier.weights.dim) return;
  throw clip::Error(clip::ErrorCode::kInvalidArgument,
                    fmt::format("{} has embeddings of {} numbers, and the probe takes {}", of, dim,
                                probe.classifier.weights.dim));
}

// What of a stored row cannot be used.
std::optional<clip::ResultError> row_error(const float* row, std::int64_t dim, std::int64_t number,
                                           const std::string& array) {
  double square = 0;
  for (std::int64_t i = 0; i < dim; ++i) square += double(row[i]) * row[i];
  if (std::isfinite(square) && square > 0) return std::nullopt;
  return clip::ResultError{
      clip::kBadImage,
      fmt::format("{}, row {}: the embedding {}", array, number,
                  square == 0 ? "is all zeros" : "has numbers that are not finite")};
}

int apply_to_embeddings(const ProbeApplyOptions& options, const clip::Probe& probe) {
  const std::string& array = options.images.named.front();
  clip::CancelToken stop(&interrupts());
  const clip::NpyRows vectors(array);
  const std::int64_t dim = vectors.dim();
  check_dim(dim, array, probe);
  EmbeddingLines lines(array, vectors.count(), &stop);
  Progress progress("embedding", options.run.run.quiet, [&] {
    return std::optional<std::uint64_t>(static_cast<std::uint64_t>(vectors.count()));
  });
  Applied applied(options, probe);
  std::vector<clip::ClassifyResult> block;
  std::vector<float> rows(kRowsAtOnce * static_cast<std::size_t>(dim));
  std::vector<float> logits(kRowsAtOnce * probe.classes.size());
  std::int64_t first = 0;
  const auto finish_block = [&] {
    const auto count = static_cast<std::int64_t>(block.size());
    vectors.read(first, count, rows.data());
    logits_of(probe.classifier, rows.data(), count, logits.data());
    for (std::int64_t i = 0; i < count; ++i) {
      clip::ClassifyResult& result = block[static_cast<std::size_t>(i)];
      if (!result.error) result.error = row_error(rows.data() + i * dim, dim, first + i, array);
      if (!result.error) {
        applied.label(logits.data() + i * static_cast<std::int64_t>(probe.classes.size()), &result);
      }
      applied.write(result, &progress);
    }
    first += count;
    block.clear();
    applied.flush();
    progress.show();
  };
  for (EmbeddingLine line; !stop.cancelled() && lines.next(&line);) {
    if (lines.model() != probe.model) {
      refuse_model(fmt::format("{} holds embeddings", array), lines.model(), probe);
    }
    clip::ClassifyResult result;
    result.image = line.image;
    result.error = line.error;
    block.push_back(std::move(result));
    if (block.size() == kRowsAtOnce) finish_block();
  }
  if (!block.empty()) finish_block();
  const bool interrupted = interrupt_signal() != 0;
  applied.finish(summary_of(progress, interrupted));
  progress.finish(interrupted);
  return progress.failed() == 0 ? kDone : kFailed;
}

int apply_to_images(const ProbeApplyOptions& options, const clip::Probe& probe) {
  clip::CancelToken stop(&interrupts());
  ImageSources sources = image_sources(options.images, walk_options(options.images, &stop), &stop);
  const auto model = open_model(options.run.model, options.run.run.quiet);
  if (model->identity() != probe.model) {
    refuse_model(fmt::format("{} gives embeddings", title_of(*model)), model->identity(), probe);
  }
  Progress progress("image", options.run.run.quiet, [] { return std::optional<std::uint64_t>(); });
  Applied applied(options, probe);
  clip::ImageEmbedder embedder(
      model, [&](clip::ImageSource* next) { return sources.next(next); },
      embed_options(options.run, model->config(), 0), &stop);
  std::vector<float> logits(probe.classes.size());
  for_each_image(
      &embedder, &progress,
      [&](const clip::ImageResult& image) {
        clip::ClassifyResult result;
        result.image = image.source.name;
        result.model = model->path();
        result.error = image_error(image);
        if (image.embedding != nullptr) {
          check_dim(image.dim, title_of(*model), probe);
          logits_of(probe.classifier, image.embedding, 1, logits.data());
          applied.label(logits.data(), &result);
        }
        applied.write(result, &progress);
      },
      [&] { applied.flush(); });
  const bool interrupted = interrupt_signal() != 0;
  applied.finish(summary_of(progress, interrupted));
  progress.finish(interrupted);
  return finish_images(progress, sources.left_out(), options.run.run.quiet);
}

int run_probe_apply(const ProbeApplyOptions& options) {
  check(options);
  const clip::Probe probe = clip::read_probe(options.probe);
  catch_interrupts();
  return of_embeddings(options) ? apply_to_embeddings(options, probe)
                                : apply_to_images(options, probe);
}

}  // namespace

void setup_probe_apply(CLI::App* probe, Command* command) {
  CLI::App* apply = probe->add_subcommand(
      "apply", "Print the likeliest classes of embeddings or images, by a trained probe");
  auto options = std::make_shared<ProbeApplyOptions>();
  apply->add_option("PROBE", options->probe, "The file that `probe train` has written")
      ->required()
      ->type_name("");
  add_image_inputs(apply, &options->images);
  apply->add_option("--top-k", options->top_k, "How many classes to give for each image")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K")
      ->capture_default_str();
  apply
      ->add_option("--threshold", options->threshold,
                   "Call an image `unknown` whose likeliest class is less probable")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("P")
      ->capture_default_str();
  add_output_options(apply, &options->output, /*report=*/false,
                     {{"tsv", "Print tab-separated values [default when stdout is no terminal]"}});
  add_image_run_options(apply, &options->run);
  apply->footer(
      "PATH is NAME.npy, with NAME.jsonl beside it, as `embed --output NAME.npy` writes them; or "
      "images and\nfolders, which the model embeds that the probe was trained for.\n\n"
      "Example:\n"
      "  clip-cli embed pets/train --output pets.npy && clip-cli probe train pets.npy --output "
      "pets.safetensors && clip-cli probe apply pets.safetensors photos");
  apply->callback([=] { *command = [=] { return run_probe_apply(*options); }; });
}

}  // namespace clip_cli
