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
#include "run/embedding_results.h"
#include "run/image_run.h"
#include "run/merge_shards.h"
#include "run/results.h"
#include "run/resume.h"
#include "run/shard_output.h"
#include "terminal/error_notice.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

struct EmbedCommandOptions {
  ImageInputs images;
  std::string texts, encoding;
  bool truncate = false;
  EmbeddingDestination to;
  ShardOption shard;
  bool merge = false;
  ImageRunOptions run;
};

bool of_texts(const EmbedCommandOptions& options) {
  return !options.texts.empty();
}

// What is said of a run means nothing where its files are there already.
void check_merge(const EmbedCommandOptions& options) {
  if (options.to.output.output.empty()) {
    throw UsageError("--merge needs --output: the file that shards were made for");
  }
  const VectorOutput kind = vector_output_of(options.to.vectors, options.to.output);
  const bool is_json = std::string(format_of(options.to.output, "json").name) == "json";
  if (kind != VectorOutput::kNpy && (kind != VectorOutput::kRecords || !is_json)) {
    throw UsageError("--merge joins shards to NAME.npy or FILE.jsonl");
  }
  if (of_texts(options) || !options.images.images.empty() || !options.images.list.empty() ||
      options.shard.named || options.to.resume || options.to.vectors.f16) {
    throw UsageError("--merge takes files of shards and --output, and no option of a run");
  }
}

void check(const EmbedCommandOptions& options) {
  const std::string format = format_of(options.to.output, "json").name;
  if (options.merge) {
    check_merge(options);
    return;
  }
  if (of_texts(options) && (!options.images.named.empty() || !options.images.list.empty())) {
    throw UsageError("embed takes images or --texts, not both in one run");
  }
  check(options.to.vectors, options.to.output);
  if (options.to.vectors.texts && of_texts(options)) {
    throw UsageError("--captions is for images; texts have none");
  }
  if (!to_files(options.to) && format == "html") {
    throw UsageError("embed has no pages; name the output FILE.jsonl, .tsv, .csv, .npy or .faiss");
  }
  if (options.to.resume && options.to.output.output.empty()) {
    throw UsageError("--resume goes on with the file of --output; name it, too");
  }
  if (options.to.resume && !to_files(options.to) && format != "json") {
    throw UsageError(
        "--resume needs JSON Lines, vectors or a folder: name the output FILE.jsonl, NAME.npy or "
        "NAME.faiss, or --layout");
  }
}

int run_merge(const EmbedCommandOptions& options) {
  catch_interrupts();
  const clip::CancelToken stop(&interrupts());
  const MergedShards merged = merge_shards(options.to.output.output, options.images.named, stop);
  if (!options.run.run.quiet) {
    notice(fmt::format("{} shards, {} results{}: {}", merged.shards, merged.results,
                       merged.failed == 0 ? "" : fmt::format(", {} of them failed", merged.failed),
                       options.to.output.output));
  }
  return kDone;
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

clip::EmbedResult result_for(const clip::Model& model, const EmbeddingResults& to) {
  clip::EmbedResult result;
  result.model = model.identity();
  result.run = to.run();
  return result;
}

void put(clip::EmbedResult result, EmbeddingResults* to, Progress* progress) {
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
                 clip::TextEmbedder* embedder, EmbeddingResults* to, Progress* progress) {
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
bool is_done(const std::string& name, const ShardedList* list, EmbeddingResults* to) {
  EarlierResults* earlier = to->earlier();
  if (earlier == nullptr) return false;
  return list != nullptr ? earlier->take_first(name) : earlier->take(name);
}

// Gives how many an earlier run had done.
std::uint64_t run_texts(const EmbedCommandOptions& options,
                        const std::shared_ptr<const clip::Model>& model,
                        const clip::CancelToken& stop, ShardedList* list, EmbeddingResults* to,
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
                         ImageSources* sources, const ShardedList* list, EmbeddingResults* to,
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
  definition.table = vector_table(options.to.vectors);
  if (of_texts(options)) definition.key = "text";
  definition.type = options.to.vectors.vector_type;
  definition.dim = model->config().embedding_dim;
  definition.model = model->identity();
  if (definition.dim <= 0) {
    throw clip::Error(clip::ErrorCode::kUnsupported,
                      fmt::format("{} does not say how long its vectors are", model->path()));
  }
  Output output = Results::output_of(options.to.output);
  output.write(table_ddl(definition));
  output.commit();
  return kDone;
}

// Throws UsageError where the results, or the lines beside vectors, would replace an input.
void check_inputs_stay(const EmbedCommandOptions& options) {
  const std::string& output = options.to.output.output;
  std::vector<std::string> inputs = files_of(options.images), outputs = {output};
  inputs.push_back(options.texts);
  if (to_files(options.to)) outputs.push_back(lines_beside(output));
  check_outputs(outputs, inputs);
}

int run_embed(const EmbedCommandOptions& given) {
  check(given);
  if (!given.merge) check_inputs_stay(given);
  if (given.merge) return run_merge(given);
  if (given.to.vectors.ddl) return print_ddl(given);
  EmbedCommandOptions options = given;
  const bool quiet = options.run.run.quiet;
  // The folder of a layout is one for all shards.
  const bool in_folder =
      vector_output_of(options.to.vectors, options.to.output) == VectorOutput::kLaion;
  std::vector<std::string*> outputs;
  if (!in_folder) outputs.push_back(&options.to.output.output);
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
  if (list && !options.to.output.output.empty()) {
    const std::string& output = options.to.output.output;
    shard_output.emplace(
        "embed", format_name(options.to),
        in_folder ? shard_path(clip::joined_path(output, "embeddings"), shard) : output, shard,
        facts, in_folder);
    if (shard_output->is_complete()) {
      if (sources) sources->pass_over_rest();
      if (texts) for_each_text_of(options, dealt, stop, [](const std::string&) {});
      return stop.cancelled() ? kFailed : shard_output->skip(&*list, quiet);
    }
  }
  EmbeddingResults to(options.to, texts, options.images, facts, *model,
                      shard_output ? &*shard_output : nullptr);
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
  if (interrupted && (to.earlier() != nullptr || to_files(options.to)) && !quiet) {
    notice(options.to.resume || shard_output ? "the same command goes on from there"
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
  add_output_options(embed, &options->to.output, /*report=*/false,
                     {{"json", "Print one JSON object per image or text (default)"}});
  embed->get_option("--output")
      ->description(
          "Write to a file; its ending chooses: .npy, .faiss, .jsonl, .csv, .tsv\n"
          "NAME.npy is NumPy's array and NAME.faiss FAISS's IndexFlatIP; NAME.jsonl beside them "
          "has a "
          "line for each row. Otherwise results go to standard output.");
  add_vector_output_options(embed, &options->to.vectors, &options->to.output);
  embed
      ->add_flag("--resume", options->to.resume,
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
