// `clip-cli embed`: the embeddings of images, or of texts, themselves.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/utf8.h"
#include "clip/image_embedder.h"
#include "clip/text_embedder.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "input/input_lists.h"
#include "input/shard.h"
#include "options/encoding_option.h"
#include "options/input_options.h"
#include "options/label_options.h"
#include "options/shard_option.h"
#include "options/vector_output_options.h"
#include "run/embedding_files.h"
#include "run/image_run.h"
#include "run/laion_layout.h"
#include "run/merge_shards.h"
#include "run/results.h"
#include "run/resume.h"
#include "run/sample_columns.h"
#include "run/shard_output.h"
#include "terminal/error_notice.h"
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
  VectorOutputOptions vectors;
  bool resume = false;
  ShardOption shard;
  bool merge = false;
  ImageRunOptions run;
};

bool of_texts(const EmbedCommandOptions& options) {
  return !options.texts.empty();
}

// To the two files of vectors and lines, at first or at last.
bool to_files(const EmbedCommandOptions& options) {
  return vector_output_of(options.vectors, options.output) != VectorOutput::kRecords;
}

// What is said of a run means nothing where its files are there already.
void check_merge(const EmbedCommandOptions& options) {
  if (options.output.output.empty()) {
    throw UsageError("--merge needs --output: the file that shards were made for");
  }
  const VectorOutput kind = vector_output_of(options.vectors, options.output);
  const bool is_json = std::string(format_of(options.output, "json").name) == "json";
  if (kind != VectorOutput::kNpy && (kind != VectorOutput::kRecords || !is_json)) {
    throw UsageError("--merge joins shards to NAME.npy or FILE.jsonl");
  }
  if (of_texts(options) || !options.images.images.empty() || !options.images.list.empty() ||
      options.shard.named || options.resume || options.vectors.f16) {
    throw UsageError("--merge takes files of shards and --output, and no option of a run");
  }
}

void check(const EmbedCommandOptions& options) {
  const std::string format = format_of(options.output, "json").name;
  if (options.merge) {
    check_merge(options);
    return;
  }
  if (of_texts(options) && (!options.images.named.empty() || !options.images.list.empty())) {
    throw UsageError("embed takes images or --texts, not both in one run");
  }
  check(options.vectors, options.output);
  if (options.vectors.texts && of_texts(options)) {
    throw UsageError("--captions is for images; texts have none");
  }
  if (!to_files(options) && format == "html") {
    throw UsageError("embed has no pages; name the output FILE.jsonl, .tsv, .csv, .npy or .faiss");
  }
  if (options.resume && options.output.output.empty()) {
    throw UsageError("--resume goes on with the file of --output; name it, too");
  }
  if (options.resume && !to_files(options) && format != "json") {
    throw UsageError(
        "--resume needs JSON Lines, vectors or a folder: name the output FILE.jsonl, NAME.npy or "
        "NAME.faiss, or --layout");
  }
}

int run_merge(const EmbedCommandOptions& options) {
  catch_interrupts();
  const clip::CancelToken stop(&interrupts());
  const MergedShards merged = merge_shards(options.output.output, options.images.named, stop);
  if (!options.run.run.quiet) {
    notice(fmt::format("{} shards, {} results{}: {}", merged.shards, merged.results,
                       merged.failed == 0 ? "" : fmt::format(", {} of them failed", merged.failed),
                       options.output.output));
  }
  return kDone;
}

VectorsFormat vectors_format(const EmbedCommandOptions& options) {
  const VectorOutput output = vector_output_of(options.vectors, options.output);
  if (output == VectorOutput::kFaiss) return VectorsFormat::kFaiss;
  const bool f16 = output == VectorOutput::kLaion ? !options.vectors.f32 : options.vectors.f16;
  return f16 ? VectorsFormat::kNpyFloat16 : VectorsFormat::kNpyFloat32;
}

// What is written, in a word; shards of different ones do not fit together.
std::string format_name(const EmbedCommandOptions& options) {
  switch (vector_output_of(options.vectors, options.output)) {
    case VectorOutput::kNpy:
      return options.vectors.f16 ? "npy-f16" : "npy-f32";
    case VectorOutput::kFaiss:
      return "faiss";
    case VectorOutput::kLaion:
      return options.vectors.f32 ? "laion-f32" : "laion-f16";
    case VectorOutput::kRecords:
      break;
  }
  return format_of(options.output, "json").name;
}

LaionOptions laion_options(const EmbedCommandOptions& options, const ShardOutput* shard) {
  LaionOptions laion;
  if (shard != nullptr) laion.part = {shard->shard().index, shard->shard().count};
  laion.rows_per_file = options.vectors.rows_per_file;
  laion.type = options.vectors.f32 ? clip::NpyType::kFloat32 : clip::NpyType::kFloat16;
  laion.texts = of_texts(options);
  return laion;
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

// Where embeddings go: one of the formats of records, or files of vectors. A table's columns and
// an array have a dimension, which not every model states: results without an embedding wait until
// one has come that has.
class Destination {
 public:
  // `shard`: the output of a shard, which is not complete; null: all of it is written.
  Destination(const EmbedCommandOptions& options, const RunFacts& facts, const clip::Model& model,
              const ShardOutput* shard)
      : options_(options), facts_(facts), shard_(shard) {
    const bool resume = options.resume || shard != nullptr;
    const std::string path = shard != nullptr ? shard->part() : options.output.output;
    if (!options.output.output.empty()) run_ = facts_.text();
    if (to_files(options)) {
      if (vector_output_of(options.vectors, options.output) == VectorOutput::kLaion) {
        laion_.emplace(options.output.output, laion_options(options, shard), resume);
      }
      files_.emplace(laion_ ? laion_->rows_path() : options.output.output, vectors_format(options),
                     facts_, kind_of(options), resume);
    } else if (resume && std::string(format_of(options.output, "json").name) == "json") {
      earlier_.emplace(path, facts_, kind_of(options));
      output_.emplace(Output::appending(earlier_->take_descriptor(), path));
    } else if (shard != nullptr) {
      output_.emplace(Output::replacing(path));
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

  // Incomplete files of vectors and of shards stay parts; a shard of nothing at all, as where a
  // folder is not mounted, is not complete. `list`: what a shard has taken, else null.
  void finish(const RunSummary& summary, const ShardedList* list, std::uint64_t failed) {
    if (!begun_) begin(0);
    const bool completes_shard = shard_ != nullptr && !summary.interrupted && list->items() > 0;
    if (completes_shard && files_ && !laion_) shard_->record(*list, failed);
    if (results_) {
      results_->finish(summary);
    } else if (summary.interrupted || (shard_ != nullptr && !completes_shard)) {
      files_->flush();
    } else {
      files_->finish();
      if (laion_) laion_->finish();
      if (laion_ && completes_shard) shard_->record(*list, failed);
    }
    if (completes_shard && !files_) shard_->complete(*list, failed);
  }

  // Makes a failure of what has no place there.
  void check(clip::EmbedResult* result) const {
    const std::string& name = of_texts(options_) ? result->text : result->image;
    if (result->error || options_.output.format != "pgvector" || clip::is_utf8(name)) return;
    result->error = clip::ResultError{
        clip::kFailed,
        fmt::format("{} has no row: its name is not UTF-8, which a table needs", name)};
    result->embedding.clear();
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
    if (options_.output.format != "pgvector") {  // which has them from the JSON
      for (Column& column : sample_columns(options_.images)) {
        context.columns.push_back(std::move(column));
      }
    }
    context.table = vector_table(options_.vectors);
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
      if (options_.output.format != "pgvector") {
        for (Cell& cell : sample_cells(result.texts)) row.push_back(std::move(cell));
      }
      record.rows.push_back(std::move(row));
    }
    results_->write(record);
  }

  const EmbedCommandOptions& options_;
  const RunFacts& facts_;
  const ShardOutput* const shard_;
  std::string run_;
  std::optional<LaionFolder> laion_;
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
  to->check(&result);
  const bool failed = result.error.has_value();
  // The progress line, on the same terminal, makes way for results and notices.
  if (failed || to->on_terminal()) progress->clear();
  if (failed) error_notice(result.error->message);
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

// Calls `use` for each text that the list takes, all where it is null, until `stop` is cancelled.
void for_each_text_of(const EmbedCommandOptions& options, ShardedList* list,
                      const clip::CancelToken& stop,
                      const std::function<void(const std::string&)>& use) {
  for_each_text(
      {options.texts, options.encoding},
      [&](const std::string& text) {
        if (text.empty() || stop.cancelled()) return;
        if (list != nullptr) {
          if (!list->takes(text)) return;
          list->add_result(text);
        }
        use(text);
      },
      &stop);
}

// Whether an earlier run had done an input of that name; those of a shard keep their order.
bool is_done(const std::string& name, const ShardedList* list, Destination* to) {
  EarlierResults* earlier = to->earlier();
  if (earlier == nullptr) return false;
  return list != nullptr ? earlier->take_first(name) : earlier->take(name);
}

// Gives how many an earlier run had done.
std::uint64_t run_texts(const EmbedCommandOptions& options,
                        const std::shared_ptr<const clip::Model>& model,
                        const clip::CancelToken& stop, ShardedList* list, Destination* to,
                        Progress* progress) {
  clip::TextOptions with;
  with.encoder = encoder_options(options.run.model);
  with.truncate = options.truncate;
  clip::TextEmbedder embedder(model, with);
  std::vector<std::string> texts;
  std::uint64_t skipped = 0;
  progress->show();
  for_each_text_of(options, list, stop, [&](const std::string& text) {
    if (is_done(text, list, to)) {
      progress->skip_to(++skipped);
      return;
    }
    texts.push_back(text);
    if (texts.size() < kTextsAtOnce) return;
    embed_texts(texts, *model, &embedder, to, progress);
    texts.clear();
  });
  // What an interrupt left is no whole group, which the next run will have.
  if (!texts.empty() && !stop.cancelled()) {
    embed_texts(texts, *model, &embedder, to, progress);
  }
  return skipped;
}

std::uint64_t run_images(const EmbedCommandOptions& options,
                         const std::shared_ptr<const clip::Model>& model, clip::CancelToken* stop,
                         ImageSources* sources, const ShardedList* list, Destination* to,
                         Progress* progress) {
  std::atomic<std::uint64_t> skipped{0};
  clip::ImageEmbedder embedder(
      model,
      [&](clip::ImageSource* next) {
        while (sources->next(next)) {
          if (!is_done(next->name, list, to)) return true;
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

// Prints the statements that make the table.
int print_ddl(const EmbedCommandOptions& options) {
  const auto model = open_model(options.run.model, options.run.run.quiet);
  TableDefinition definition;
  definition.table = vector_table(options.vectors);
  if (of_texts(options)) definition.key = "text";
  definition.type = options.vectors.vector_type;
  definition.dim = model->config().embedding_dim;
  definition.model = model->identity();
  if (definition.dim <= 0) {
    throw clip::Error(clip::ErrorCode::kUnsupported,
                      fmt::format("{} does not say how long its vectors are", model->path()));
  }
  Output output = Results::output_of(options.output);
  output.write(table_ddl(definition));
  output.commit();
  return kDone;
}

int run_embed(const EmbedCommandOptions& given) {
  check(given);
  if (given.merge) return run_merge(given);
  if (given.vectors.ddl) return print_ddl(given);
  EmbedCommandOptions options = given;
  const bool quiet = options.run.run.quiet;
  // The folder of a layout is one for all shards.
  const bool in_folder = vector_output_of(options.vectors, options.output) == VectorOutput::kLaion;
  std::vector<std::string*> outputs;
  if (!in_folder) outputs.push_back(&options.output.output);
  const Shard shard = shard_of_run(options.shard, quiet, outputs);
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  const bool texts = of_texts(options);
  std::optional<ImageSources> sources;
  const clip::ImagePathsOptions walk = walk_options(options.images, &stop);
  std::optional<ShardedList> list;
  if (shard.is_part()) list.emplace(shard, texts ? kTextsAtOnce : 1);
  ShardedList* const dealt = list ? &*list : nullptr;
  if (!texts) sources.emplace(image_sources(options.images, walk, &stop, dealt));
  const auto model = open_model(options.run.model, options.run.run.quiet);
  const RunFacts facts = facts_of(options, *model);
  std::optional<ShardOutput> shard_output;
  if (list && !options.output.output.empty()) {
    const std::string& output = options.output.output;
    shard_output.emplace(
        "embed", format_name(options),
        in_folder ? shard_path(clip::joined_path(output, "embeddings"), shard) : output, shard,
        facts, in_folder);
    if (shard_output->is_complete()) {
      if (sources) sources->pass_over_rest();
      if (texts) for_each_text_of(options, dealt, stop, [](const std::string&) {});
      return stop.cancelled() ? kFailed : shard_output->skip(&*list, quiet);
    }
  }
  Destination to(options, facts, *model, shard_output ? &*shard_output : nullptr);
  const std::uint64_t failed_before = to.earlier() != nullptr ? to.earlier()->failed() : 0;
  std::optional<ImageCount> count;
  Progress progress(texts ? "text" : "image", quiet,
                    [&] { return count ? share_of(shard, count->total()) : std::nullopt; });
  if (!texts && StatusLine::is_watched() && !quiet && can_be_counted(options.images)) {
    count.emplace([&] { return counted_images(options.images, walk, &stop); }, &stop);
  }
  progress.skip_to(texts ? run_texts(options, model, stop, dealt, &to, &progress)
                         : run_images(options, model, &stop, &*sources, dealt, &to, &progress));
  const bool interrupted = interrupt_signal() != 0;
  if (list && !interrupted) {
    list->finish();
    if (to.earlier() != nullptr) to.earlier()->check_all_taken();
  }
  to.finish(summary_of(progress, interrupted), dealt, progress.failed() + failed_before);
  progress.finish(interrupted);
  if (interrupted && (to.earlier() != nullptr || to_files(options)) && !quiet) {
    notice(options.resume || shard_output ? "the same command goes on from there"
                                          : "the same command with --resume goes on from there");
  }
  if (failed_before > 0) {
    notice(fmt::format("{} of those that had been done before had failed", failed_before));
  }
  if (sources) {
    return finish_images(progress, sources->left_out(), quiet, failed_before,
                         list ? list->items() : 0);
  }
  return progress.failed() + failed_before == 0 ? kDone : kFailed;
}

}  // namespace

void setup_embed(CLI::App* embed, Command* command) {
  auto options = std::make_shared<EmbedCommandOptions>();
  add_image_inputs(embed, &options->images);
  embed
      ->add_option("--texts", options->texts,
                   "A file of texts, instead of images, one per line; - is standard input\n"
                   "Where its name ends in .jsonl, it is JSON Lines with a field `text`. Empty "
                   "texts are left "
                   "out.")
      ->type_name("FILE");
  add_encoding_option(embed, &options->encoding);
  add_truncate_option(embed, &options->truncate);
  const char* kOutput = "Output";
  add_output_options(embed, &options->output, /*report=*/false,
                     {{"json", "Print one JSON object per image or text (default)"}});
  embed->get_option("--output")
      ->description(
          "Write to a file; its ending chooses: .npy, .faiss, .jsonl, .csv, .tsv\n"
          "NAME.npy is NumPy's array and NAME.faiss FAISS's IndexFlatIP; NAME.jsonl beside them "
          "has a "
          "line for each row. Otherwise results go to standard output.");
  add_vector_output_options(embed, &options->vectors, &options->output);
  embed
      ->add_flag("--resume", options->resume,
                 "Go on where an earlier run with the same --output ended")
      ->group(kOutput);
  embed
      ->add_flag("--merge", options->merge,
                 "Join the shards of --output to one file\n"
                 "Those that lie beside it, or that are named as arguments.")
      ->group(kOutput);
  add_shard_option(embed, &options->shard);
  add_image_run_options(embed, &options->run);
  embed->footer(
      "Examples:\n"
      "  clip-cli embed photos --output photos.npy\n"
      "  clip-cli embed photos --output photos.npy --f16 --resume\n"
      "  clip-cli embed photos --output photos.npy --shard 0/8\n"
      "  clip-cli embed photos --layout laion --output embeddings\n"
      "  clip-cli embed photos --format pgvector --table images\n"
      "  clip-cli embed --texts labels.txt --tsv\n"
      "  echo \"a red car\" | clip-cli embed --texts -");
  embed->callback([=] { *command = [=] { return run_embed(*options); }; });
}

}  // namespace clip_cli
