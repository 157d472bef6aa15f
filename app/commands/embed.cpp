// `clip-cli embed`: the embeddings of images, or of texts, themselves.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "clip/image_embedder.h"
#include "clip/text_embedder.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "input/input_lists.h"
#include "options/encoding_option.h"
#include "options/input_options.h"
#include "options/label_options.h"
#include "run/embedding_files.h"
#include "run/image_run.h"
#include "run/results.h"
#include "run/resume.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

// Texts that are computed together, whatever ends a run between them: so a run that is gone on with
// gives the same bytes.
constexpr std::size_t kTextsAtOnce = 64;

struct EmbedCommandOptions {
  ImageInputs images;
  std::string texts, encoding;
  bool truncate = false;
  OutputOptions output;
  bool f16 = false;
  bool resume = false;
  ImageRunOptions run;
};

bool of_texts(const EmbedCommandOptions& options) {
  return !options.texts.empty();
}

bool to_npy(const EmbedCommandOptions& options) {
  return clip::extension_of(options.output.output) == "npy";
}

void check(const EmbedCommandOptions& options) {
  const std::string format = format_of(options.output, "json").name;
  if (of_texts(options) && (!options.images.named.empty() || !options.images.list.empty())) {
    throw UsageError("embed takes images or --texts, not both in one run");
  }
  if (to_npy(options) && !options.output.format.empty()) {
    throw UsageError(fmt::format("--output NAME.npy has a format of its own; leave out --{}",
                                 options.output.format));
  }
  if (options.f16 && !to_npy(options)) throw UsageError("--f16 needs --output NAME.npy");
  if (!to_npy(options) && format == "html") {
    throw UsageError("embed has no pages; name the output FILE.jsonl, .tsv, .csv or .npy");
  }
  if (options.resume && options.output.output.empty()) {
    throw UsageError("--resume goes on with the file of --output; name it, too");
  }
  if (options.resume && !to_npy(options) && format != "json") {
    throw UsageError("--resume needs JSON Lines or .npy: name the output FILE.jsonl or NAME.npy");
  }
}

RunFacts facts_of(const EmbedCommandOptions& options, const clip::Model& model) {
  RunFacts facts;
  facts.add_digest("model", model.identity());
  add_engine_facts(options.run, model, &facts);
  if (of_texts(options)) {
    facts.add("truncation", options.truncate ? "on" : "off");
  } else {
    add_decoding_facts(options.run, &facts);
  }
  return facts;
}

EarlierKind kind_of(const EmbedCommandOptions& options) {
  EarlierKind kind;
  kind.command = "embed";
  kind.name = of_texts(options) ? "text" : "image";
  kind.group = of_texts(options) ? kTextsAtOnce : 1;
  return kind;
}

// Where embeddings go: one of the formats of records, or the files of NumPy. A table's columns and
// an array have a dimension, which not every model states: results without an embedding wait until
// one has come that has.
class Destination {
 public:
  Destination(const EmbedCommandOptions& options, const clip::Model& model)
      : options_(options), facts_(facts_of(options, model)) {
    if (!options.output.output.empty()) run_ = facts_.text();
    if (to_npy(options)) {
      files_.emplace(options.output.output,
                     options.f16 ? clip::NpyType::kFloat16 : clip::NpyType::kFloat32, facts_,
                     kind_of(options), options.resume);
    } else if (options.resume) {
      earlier_.emplace(options.output.output, facts_, kind_of(options));
      output_.emplace(Output::appending(earlier_->take_descriptor(), options.output.output));
    } else {
      output_.emplace(Results::output_of(options.output));
    }
    if (files_ && files_->dim() > 0) begin(files_->dim());
    if (!begun_ && model.config().embedding_dim > 0) begin(model.config().embedding_dim);
  }

  // What an earlier run has done, or null.
  EarlierResults* earlier() {
    if (files_) return &files_->earlier();
    return earlier_ ? &*earlier_ : nullptr;
  }

  const std::string& run() const { return run_; }
  bool on_terminal() const { return results_ ? results_->on_terminal() : false; }

  void write(clip::EmbedResult result) {
    if (!begun_ && !result.embedding.empty()) {
      begin(static_cast<std::int64_t>(result.embedding.size()));
    }
    if (begun_) {
      put(result);
    } else {
      waiting_.push_back(std::move(result));
    }
  }

  void flush() {
    if (files_) files_->flush();
    if (results_) results_->flush();
  }

  // Incomplete files of NumPy stay parts.
  void finish(const RunSummary& summary) {
    if (!begun_) begin(0);
    if (results_) {
      results_->finish(summary);
    } else if (summary.interrupted) {
      files_->flush();
    } else {
      files_->finish();
    }
  }

 private:
  void begin(std::int64_t dim) {
    begun_ = true;
    dim_ = dim;
    if (files_) {
      files_->begin(dim);
    } else {
      results_.emplace(std::move(*output_), format_of(options_.output, "json"), options_.output,
                       context_of(dim));
      // A file that is gone on with has its beginning.
      if (!earlier_ || earlier_->count() == 0) results_->begin();
    }
    for (const clip::EmbedResult& result : waiting_) put(result);
    waiting_.clear();
  }

  WriterContext context_of(std::int64_t dim) const {
    WriterContext context;
    Column name, error;
    name.name = of_texts(options_) ? "text" : "image";
    error.name = "error";
    context.columns.push_back(name);
    for (std::int64_t i = 1; i <= dim; ++i) {
      Column number;
      number.name = fmt::format("embedding_{}", i);
      context.columns.push_back(number);
    }
    context.columns.push_back(error);
    return context;
  }

  void put(const clip::EmbedResult& result) {
    if (files_) {
      files_->write(result);
      return;
    }
    Record record;
    record.json = to_json(result);
    if (std::string(format_of(options_.output, "json").name) != "json") {
      std::vector<Cell> row = {of_texts(options_) ? result.text : result.image};
      // As text: with as many digits as it takes to read the same number again.
      for (const float value : result.embedding) row.emplace_back(fmt::format("{}", value));
      row.resize(static_cast<std::size_t>(dim_) + 1);
      row.push_back(result.error ? Cell(result.error->message) : Cell());
      record.rows.push_back(std::move(row));
    }
    results_->write(record);
  }

  const EmbedCommandOptions& options_;
  const RunFacts facts_;
  std::string run_;
  std::optional<EmbeddingFiles> files_;
  std::optional<EarlierResults> earlier_;
  std::optional<Output> output_;  // until the results have it
  std::optional<Results> results_;
  bool begun_ = false;
  std::int64_t dim_ = 0;
  std::vector<clip::EmbedResult> waiting_;
};

clip::EmbedResult result_for(const clip::Model& model, const Destination& to) {
  clip::EmbedResult result;
  result.model = model.identity();
  result.run = to.run();
  return result;
}

void put(clip::EmbedResult result, Destination* to, Progress* progress) {
  const bool failed = result.error.has_value();
  // The progress line, on the same terminal, makes way for results and notices.
  if (failed || to->on_terminal()) progress->clear();
  if (failed) notice(result.error->message);
  to->write(std::move(result));
  progress->add(failed);
}

// Embeddings of texts that come together; where one cannot be embedded, each is taken alone, and
// what is wrong is said of that one.
void embed_texts(const std::vector<std::string>& texts, const clip::Model& model,
                 clip::TextEmbedder* embedder, Destination* to, Progress* progress) {
  std::optional<clip::Embeddings> together;
  try {
    together = embedder->embed(texts);
  } catch (const clip::Error& error) {
    // A text is too long, or has no usable embedding; all else is an error of the whole run.
    if (error.code() != clip::ErrorCode::kLimit && error.code() != clip::ErrorCode::kInternal) {
      throw;
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    clip::EmbedResult result = result_for(model, *to);
    result.text = texts[i];
    try {
      const clip::Embeddings alone = together ? clip::Embeddings() : embedder->embed({texts[i]});
      const clip::Embeddings& from = together ? *together : alone;
      const float* row = from.row(together ? static_cast<std::int64_t>(i) : 0);
      result.embedding.assign(row, row + from.dim);
    } catch (const clip::Error& error) {
      result.error = clip::ResultError{clip::kBadText, message_of(error)};
    }
    put(std::move(result), to, progress);
  }
  to->flush();
  progress->show();
}

// Gives how many an earlier run had done.
std::uint64_t run_texts(const EmbedCommandOptions& options,
                        const std::shared_ptr<const clip::Model>& model,
                        const clip::CancelToken& stop, Destination* to, Progress* progress) {
  clip::TextOptions with;
  with.encoder = encoder_options(options.run.model);
  with.truncate = options.truncate;
  clip::TextEmbedder embedder(model, with);
  std::vector<std::string> texts;
  std::uint64_t skipped = 0;
  progress->show();
  for_each_text(
      {options.texts, options.encoding},
      [&](const std::string& text) {
        if (text.empty() || stop.cancelled()) return;
        if (to->earlier() != nullptr && to->earlier()->take(text)) {
          progress->skip_to(++skipped);
          return;
        }
        texts.push_back(text);
        if (texts.size() < kTextsAtOnce) return;
        embed_texts(texts, *model, &embedder, to, progress);
        texts.clear();
      },
      &stop);
  // What an interrupt left is no whole group, which the next run will have.
  if (!texts.empty() && !stop.cancelled()) {
    embed_texts(texts, *model, &embedder, to, progress);
  }
  return skipped;
}

std::uint64_t run_images(const EmbedCommandOptions& options,
                         const std::shared_ptr<const clip::Model>& model, clip::CancelToken* stop,
                         ImageSources* sources, Destination* to, Progress* progress) {
  std::atomic<std::uint64_t> skipped{0};
  clip::ImageEmbedder embedder(
      model,
      [&](clip::ImageSource* next) {
        while (sources->next(next)) {
          if (to->earlier() == nullptr || !to->earlier()->take(next->name)) return true;
          ++skipped;
        }
        return false;
      },
      embed_options(options.run, model->config(), /*thumbnail_side=*/0), stop);
  for_each_image(
      &embedder, progress,
      [&](const clip::ImageResult& image) {
        clip::EmbedResult result = result_for(*model, *to);
        result.image = image.source.name;
        result.texts = image.source.texts;
        result.error = image_error(image);
        if (image.embedding != nullptr) {
          result.embedding.assign(image.embedding, image.embedding + image.dim);
        }
        put(std::move(result), to, progress);
      },
      [&] {
        to->flush();
        progress->skip_to(skipped);
      });
  return skipped;
}

int run_embed(const EmbedCommandOptions& options) {
  check(options);
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  const bool texts = of_texts(options);
  std::optional<ImageSources> sources;
  const clip::ImagePathsOptions walk = walk_options(options.images, &stop);
  if (!texts) sources.emplace(image_sources(options.images, walk, &stop));
  const auto model = open_model(options.run.model);
  Destination to(options, *model);
  const std::uint64_t failed_before = to.earlier() != nullptr ? to.earlier()->failed() : 0;
  const bool quiet = options.run.run.quiet;
  std::optional<ImageCount> count;
  Progress progress(texts ? "text" : "image", quiet,
                    [&] { return count ? count->total() : std::optional<std::uint64_t>(); });
  if (!texts && StatusLine::is_watched() && !quiet && can_be_counted(options.images)) {
    count.emplace([&] { return counted_images(options.images, walk, &stop); },
                  &stop);
  }
  progress.skip_to(texts ? run_texts(options, model, stop, &to, &progress)
                         : run_images(options, model, &stop, &*sources, &to, &progress));
  const bool interrupted = interrupt_signal() != 0;
  to.finish(summary_of(progress, interrupted));
  progress.finish(interrupted);
  if (interrupted && (options.resume || to_npy(options)) && !quiet) {
    notice(options.resume ? "the same command goes on from there"
                          : "the same command with --resume goes on from there");
  }
  if (failed_before > 0) {
    notice(fmt::format("{} of those that had been done before had failed", failed_before));
  }
  if (sources) return finish_images(progress, sources->left_out(), quiet, failed_before);
  return progress.failed() + failed_before == 0 ? kDone : kFailed;
}

}  // namespace

void setup_embed(CLI::App* embed, Command* command) {
  auto options = std::make_shared<EmbedCommandOptions>();
  add_image_inputs(embed, &options->images);
  embed
      ->add_option(
          "--texts", options->texts,
          "Instead of images: a file of texts (-: standard input), one per line, or JSON "
          "Lines with a field `text` when its name ends in .jsonl; empty ones are left out")
      ->type_name("FILE");
  add_encoding_option(embed, &options->encoding);
  add_truncate_option(embed, &options->truncate);
  const char* kOutput = "Output";
  add_output_options(embed, &options->output, /*report=*/false,
                     {{"json", "Print one JSON object per image or text (default)"}});
  embed->get_option("--output")
      ->description(
          "Write to a file instead of standard output; its extension (.jsonl, .csv, .tsv) chooses "
          "the format; NAME.npy: NumPy's array, and NAME.jsonl with a line for each of its rows");
  embed->add_flag("--f16", options->f16, "Numbers of 16 bits, not 32, in NAME.npy")->group(kOutput);
  embed
      ->add_flag("--resume", options->resume,
                 "Keep what the files of --output hold, and go on with the other inputs")
      ->group(kOutput);
  add_image_run_options(embed, &options->run);
  embed->footer(
      "Examples:\n"
      "  clip-cli embed photos --output photos.npy\n"
      "  clip-cli embed photos --output photos.npy --f16 --resume\n"
      "  clip-cli embed --texts labels.txt --tsv\n"
      "  echo \"a red car\" | clip-cli embed --texts -");
  embed->callback([=] { *command = [=] { return run_embed(*options); }; });
}

}  // namespace clip_cli
