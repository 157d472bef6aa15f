// `clip-cli score`: similarity of images and prompts, as a matrix of pairs.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "clip/image_embedder.h"
#include "clip/text_embedder.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "input/argument_texts.h"
#include "input/image_urls.h"
#include "input/input_lists.h"
#include "options/encoding_option.h"
#include "options/input_options.h"
#include "options/label_options.h"
#include "options/shard_option.h"
#include "options/value_words.h"
#include "run/image_run.h"
#include "run/results.h"
#include "run/resume.h"
#include "run/sample_columns.h"
#include "run/shard_output.h"
#include "terminal/error_notice.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

struct ScoreOptions {
  std::string positional_image;         // the first argument, whatever it turns out to be
  std::vector<std::string> positional;  // the others
  std::vector<std::string> texts;
  std::string text_list, encoding;
  ImageInputs inputs;  // its files and folders are found among the positional ones
  bool truncate = false;
  std::optional<std::size_t> top_k;  // --top-k; none: all prompts, as they were named
  OutputOptions output;
  ShardOption shard;
  ImageRunOptions run;
};

struct Inputs {
  ImageInputs images;
  std::vector<std::string> texts;
};

// Whether an argument is a URL, names a folder, or a file that is an image or an archive: by its
// contents, or by its name, for a broken image is still meant as one. A prompt may be the name of
// any other file.
bool names_images(const std::string& argument) {
  if (clip::is_folder(argument) || url_kind(argument) != UrlKind::kNone) return true;
  if (const auto list = brace_list(argument)) return names_images(list->at(0));
  // <(command) of a shell is one.
  if (clip::is_pipe(argument)) return argument.find('/') != std::string::npos;
  return clip::is_regular_file(argument) &&
         (clip::has_image_extension(argument) || clip::begins_like_an_image(argument) ||
          clip::names_archive(argument));
}

// Whether an argument that names a file or a folder may still be meant as a prompt: a word such as
// "dog", beside a folder of that name.
bool may_be_prompt(const std::string& argument) {
  return !clip::has_image_extension(argument) && url_kind(argument) == UrlKind::kNone &&
         argument.find('/') == std::string::npos && argument != "." && argument != "..";
}

// Folders of a data set are called as what they show, and so are prompts.
void note_folders(const ScoreOptions& options, const std::vector<std::string>& images) {
  for (const std::string& image : images) {
    if (image == options.positional_image || !may_be_prompt(image)) continue;
    notice(fmt::format(
        "'{0}' is taken as a folder or file of images; a prompt of that name is --text {0}",
        image));
  }
}

// IMAGE... TEXT...: the first argument is an image or a folder, and so is each one after it that
// names one, up to the first that does not; the last one is a prompt where no other is left. Where
// options name the images, or the prompts, all arguments are of the other kind.
void sort_positional(const ScoreOptions& options, Inputs* inputs) {
  std::vector<std::string> all = options.positional;
  if (!options.positional_image.empty()) all.insert(all.begin(), options.positional_image);
  auto split = all.begin();
  if (!options.texts.empty() || !options.text_list.empty()) {
    split = all.end();
  } else if (options.inputs.images.empty() && options.inputs.list.empty() && !all.empty()) {
    split = std::find_if_not(all.begin() + 1, all.end(), names_images);
    if (split == all.end() && all.size() > 1 && may_be_prompt(all.back())) {
      --split;
      notice(
          fmt::format("'{}' is taken as the prompt, though there is a file or folder of that "
                      "name; name images with --image",
                      *split));
    }
  }
  inputs->images.named.assign(all.begin(), split);
  inputs->texts.assign(split, all.end());
  if (split != all.end()) note_folders(options, {all.begin(), split});
  for (auto text = split; text != all.end(); ++text) {
    if (*text == "-") {
      throw UsageError("'-' is no prompt; --texts - reads prompts from standard input");
    }
    if (!clip::has_image_extension(*text)) continue;
    if (text->find(' ') != std::string::npos) {
      notice(fmt::format("'{}' is taken as a prompt; name images with --image", *text));
    } else if (clip::is_regular_file(*text)) {
      throw UsageError(
          fmt::format("'{0}' is an image behind a prompt; images come first, then prompts (or name "
                      "it with --image; a prompt of that name is --text {0})",
                      *text));
    } else {
      throw UsageError(fmt::format(
          "cannot read {0}: there is no such file; a prompt of that name is --text {0}", *text));
    }
  }
}

Inputs gather(const ScoreOptions& options) {
  Inputs inputs;
  inputs.images = options.inputs;
  sort_positional(options, &inputs);
  inputs.texts.insert(inputs.texts.end(), options.texts.begin(), options.texts.end());
  note_bytes(inputs.texts);
  if (options.text_list == "-" && reads_standard_input(inputs.images)) {
    throw UsageError("images and --texts cannot both come from standard input");
  }
  if (inputs.images.named.empty() && inputs.images.images.empty() && inputs.images.list.empty()) {
    throw UsageError("no image: give one, or a list with --images FILE");
  }
  if (!options.text_list.empty()) {
    const auto listed = read_texts({options.text_list, options.encoding});
    inputs.texts.insert(inputs.texts.end(), listed.begin(), listed.end());
  }
  if (inputs.texts.empty())
    throw UsageError("no prompt: images come first, then prompts, or a list with --texts FILE");
  return inputs;
}

// Whether more than one image may come.
bool may_be_several(const ImageInputs& images) {
  if (images.named.size() + images.images.size() != 1 || !images.list.empty()) return true;
  if (!images.named.empty() && images.named.front() == "-") return true;
  const std::string& only = images.named.empty() ? images.images.front() : images.named.front();
  return brace_list(only) || clip::is_folder(only) || clip::names_archive(only);
}

WriterContext context_of(const Inputs& inputs, const clip::Model& model) {
  const std::vector<std::string>& texts = inputs.texts;
  Column image, text, score, cosine, probability, error;
  image.name = "image";
  text.name = "text";
  score.name = "score";
  cosine.name = "cosine";
  cosine.decimals = 8;
  probability.name = "probability";
  error.name = "error";
  // In a table: the score, the probability where there are prompts to choose from, and the prompt.
  Column shown_score, shown_probability, shown_text;
  shown_score.in_table = shown_text.in_table = true;
  shown_score.width = 9;
  shown_score.heading = "    score";
  shown_score.table_decimals = shown_probability.table_decimals = 4;
  shown_probability.in_table = texts.size() > 1;
  shown_probability.width = 11;
  shown_probability.heading = "probability";
  shown_text.heading = "text";
  shown_probability.style = NumberStyle::kPercent;
  WriterContext context;
  context.columns = {
      image, text, score, cosine, probability, error, shown_score, shown_probability, shown_text};
  for (Column& column : sample_columns(inputs.images)) {
    context.columns.push_back(std::move(column));
  }
  // Scripts that read the table find scores alone.
  context.table_header = ::isatty(STDOUT_FILENO) == 1;
  context.model = title_of(model);
  context.labels = texts;
  return context;
}

Record record_of(const clip::ScoreResult& result, std::string thumbnail, bool titled) {
  Record record;
  record.json = to_json(result);
  record.thumbnail = std::move(thumbnail);
  record.file = result.image;
  const std::vector<Cell> sample = sample_cells(result.texts);
  const auto add = [&](std::vector<Cell> row) {
    row.insert(row.end(), sample.begin(), sample.end());
    record.rows.push_back(std::move(row));
  };
  if (result.error) {
    add({result.image, {}, {}, {}, {}, result.error->message, {}, {}, {}});
    return record;
  }
  if (titled) record.title = result.image;
  for (const clip::TextScore& each : result.scores) {
    add({result.image,
         each.text,
         each.score(),
         each.cosine,
         each.probability,
         {},
         each.score(),
         each.probability,
         each.text});
  }
  return record;
}

// The prompts with the highest scores, best first; equal ones as they were named.
void keep_best(std::size_t count, std::vector<clip::TextScore>* scores) {
  std::stable_sort(scores->begin(), scores->end(),
                   [](const auto& a, const auto& b) { return a.cosine > b.cosine; });
  if (scores->size() > count) scores->resize(count);
}

RunFacts facts_of(const ScoreOptions& options, const std::vector<std::string>& texts,
                  const clip::Model& model) {
  std::string text;
  for (const std::string& each : texts) text += each + '\n';
  RunFacts facts;
  facts.add_digest("model", model.identity());
  facts.add_digest("texts", text);
  add_engine_facts(options.run, model, &facts);
  add_decoding_facts(options.run, &facts);
  facts.add("truncation", options.truncate ? "on" : "off");
  if (options.top_k) facts.add("top-k", fmt::format("{}", *options.top_k));
  return facts;
}

int run_score(const ScoreOptions& given) {
  check(given.output);
  ScoreOptions options = given;
  const bool is_json = std::string(format_of(options.output, "table").name) == "json";
  const Shard shard = shard_of_run(options.shard, options.run.run.quiet,
                                   {&options.output.output, &options.output.report});
  const Inputs inputs = gather(options);
  {
    std::vector<std::string> files = files_of(inputs.images);
    files.push_back(options.text_list);
    check_outputs({given.output.output, given.output.report}, files);
  }
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  const clip::ImagePathsOptions walk = walk_options(inputs.images, &stop);
  std::optional<ShardedList> list;
  if (shard.is_part()) list.emplace(shard);
  ImageSources sources = image_sources(inputs.images, walk, &stop, list ? &*list : nullptr);
  const auto model = open_model(options.run.model, options.run.run.quiet);
  const OutputFormat& format = format_of(options.output, "table");
  const bool several = may_be_several(inputs.images);
  // One image is no run to be summed up.
  const bool quiet = options.run.run.quiet || (!several && options.output.output.empty());

  // Results in a file say what they were made by, so that another run can go on with a shard.
  const RunFacts facts = facts_of(options, inputs.texts, *model);
  std::string path = options.output.output;
  const std::string run = path.empty() ? "" : facts.text();
  std::optional<ShardOutput> shard_output;
  std::optional<EarlierResults> earlier;
  if (list && !path.empty()) {
    shard_output.emplace("score", format.name, path, shard, facts);
    if (shard_output->is_complete()) {
      sources.pass_over_rest();
      return stop.cancelled() ? kFailed : shard_output->skip(&*list, quiet);
    }
    path = shard_output->part();
    EarlierKind kind;
    kind.command = "score";
    if (is_json) earlier.emplace(path, facts, kind);
  }
  const std::uint64_t failed_before = earlier ? earlier->failed() : 0;
  std::atomic<std::uint64_t> skipped{0};

  std::optional<ImageCount> count;
  Progress progress("image", quiet,
                    [&] { return count ? share_of(shard, count->total()) : std::nullopt; });
  Results results(earlier        ? Output::appending(earlier->take_descriptor(), path)
                  : shard_output ? Output::replacing(path)
                                 : Results::output_of(options.output),
                  format, options.output, context_of(inputs, *model));
  if (StatusLine::is_watched() && several && !quiet && can_be_counted(inputs.images)) {
    count.emplace([&] { return counted_images(inputs.images, walk, &stop); }, &stop);
  }

  // The first images are decoded while the prompts are embedded.
  clip::ImageEmbedder embedder(
      model,
      [&](clip::ImageSource* next) {
        while (sources.next(next)) {
          if (!earlier || !earlier->take_first(next->name)) return true;
          ++skipped;
        }
        return false;
      },
      embed_options(options.run, model->config(), Results::thumbnail_side(format, options.output)),
      &stop);
  clip::Embeddings prompts;
  {
    clip::TextOptions texts;
    texts.encoder = encoder_options(options.run.model);
    texts.truncate = options.truncate;
    // Gone before the image tower is read: they need not fit into memory together.
    prompts = clip::TextEmbedder(model, texts).embed(inputs.texts);
  }

  results.begin();
  for_each_image(
      &embedder, &progress,
      [&](const clip::ImageResult& image) {
        clip::ScoreResult result;
        result.image = image.source.name;
        result.texts = image.source.texts;
        result.model = model->path();
        result.run = run;
        result.error = image_error(image);
        if (image.embedding != nullptr) {
          result.scores =
              clip::scores_of(image.embedding, inputs.texts, prompts, model->config().logit_scale);
          if (options.top_k) keep_best(*options.top_k, &result.scores);
        }
        if (result.error || results.on_terminal()) progress.clear();
        if (result.error) error_notice(result.error->message);
        results.write(record_of(result, image.thumbnail, several || !image.source.archive.empty()));
        progress.add(result.error.has_value());
      },
      [&] {
        results.flush();
        progress.skip_to(skipped);
      });
  progress.skip_to(skipped);
  const bool interrupted = interrupt_signal() != 0;
  if (list && !interrupted) {
    list->finish();
    if (earlier) earlier->check_all_taken();
  }
  results.finish(summary_of(progress, interrupted));
  if (shard_output && !interrupted)
    shard_output->complete(*list, progress.failed() + failed_before);
  if (several || interrupted) {
    progress.finish(interrupted);
  } else {
    progress.clear();
  }
  if (failed_before > 0) {
    notice(fmt::format("{} of those that had been done before had failed", failed_before));
  }
  return finish_images(progress, sources.left_out(), quiet, failed_before,
                       list ? list->items() : 0);
}

}  // namespace

void setup_score(CLI::App* score, Command* command) {
  auto options = std::make_shared<ScoreOptions>();
  score
      ->add_option(
          "IMAGE", options->positional_image,
          "An image, folder, tar archive or URL; more may follow\n"
          "Arguments behind the first are images as long as they name images, folders or archives; "
          "the first that does not begins the prompts. - is a list on standard input.")
      ->type_name("");
  CLI::Option* texts =
      score->add_option("TEXT", options->positional, "Prompts to score the images against")
          ->type_name("");
  value_words(texts).kind = Words::kFile;  // more images may come
  score->add_option("--text", options->texts, "A prompt; never taken for an image. Repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->take_all();
  add_image_inputs(score, &options->inputs, /*positional=*/false);
  score
      ->add_option(
          "--texts", options->text_list,
          "A file of prompts, one per line; - is standard input\n"
          "Where its name ends in .jsonl, it is JSON Lines with a field `text`. Empty prompts "
          "are left out.")
      ->type_name("FILE");
  add_encoding_option(score, &options->encoding);
  add_truncate_option(score, &options->truncate);
  score
      ->add_option("--top-k", options->top_k,
                   "Print only the K prompts with the highest scores, best first\n"
                   "Probabilities stay those over all prompts.")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K");
  add_output_options(
      score, &options->output, /*report=*/true,
      {{"report", "Also write an HTML page that shows the images with their scores"}});
  add_shard_option(score, &options->shard);
  add_image_run_options(score, &options->run);
  score->footer(
      "Examples:\n"
      "  clip-cli score image.jpg \"a photo of a cat\" \"a photo of a dog\"\n"
      "  clip-cli score --top-k 1 photos \"a photo of a cat\" \"a photo of a dog\"\n"
      "  clip-cli score photos \"a photo of a cat\" --output scores.csv\n"
      "  cat image.jpg | clip-cli score --image - \"a photo of a cat\"");
  score->callback([=] { *command = [=] { return run_score(*options); }; });
}

}  // namespace clip_cli
