// `clip-cli classify`: the likeliest labels of each image, zero-shot.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "clip/image_embedder.h"
#include "clip/text_embedder.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "input/image_urls.h"
#include "options/input_options.h"
#include "options/label_options.h"
#include "options/shard_option.h"
#include "options/sort_options.h"
#include "run/explained_thumbnail.h"
#include "run/image_run.h"
#include "run/label_results.h"
#include "run/label_run.h"
#include "run/results.h"
#include "run/resume.h"
#include "run/sample_columns.h"
#include "run/shard_output.h"
#include "terminal/error_notice.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/heat_image.h"
#include "writers/print_json.h"
#include "zero_shot/builtin_sets.h"

namespace clip_cli {
namespace {

struct ClassifyOptions {
  ImageInputs images;
  LabelOptions labels;
  TemplateOptions templates;
  std::size_t top_k = 5;
  double threshold = 0;
  OutputOptions output;
  bool resume = false;
  SortOptions sort;
  bool list_label_sets = false;
  bool explain = false;  // the first label of each image, in the report
  ShardOption shard;
  ImageRunOptions run;
};

const OutputFormat& format_of(const ClassifyOptions& options) {
  return format_of(options.output, ::isatty(STDOUT_FILENO) == 1 ? "table" : "tsv");
}

void check(const ClassifyOptions& options) {
  if (options.sort.dry_run && options.resume) {
    throw UsageError("--dry-run files nothing, so --resume must not take its results for done");
  }
  if (options.resume && options.output.output.empty()) {
    throw UsageError("--resume goes on with the file of --output; name it, too");
  }
  if (options.resume && std::string(format_of(options).name) != "json") {
    throw UsageError("--resume needs JSON Lines: name the output FILE.jsonl, or add --json");
  }
  check(options.output);
  if (options.labels.file == "-" && reads_standard_input(options.images)) {
    throw UsageError("images and --labels-file cannot both come from standard input");
  }
}

int list_sets(bool json) {
  struct Set {
    const char* kind;
    std::string name;
    std::size_t count;
  };
  std::vector<Set> sets;
  for (const std::string& name : clip::label_set_names()) {
    sets.push_back({"labels", name, clip::builtin_label_set(name).size()});
  }
  for (const std::string& name : clip::template_set_names()) {
    sets.push_back({"templates", name, clip::builtin_template_set(name).size()});
  }
  for (const Set& set : sets) {
    if (json) {
      print_json({{"kind", set.kind}, {"name", set.name}, {"count", set.count}});
    } else {
      fmt::print("{:<20} {:5} {}\n", set.name, set.count, set.kind);
    }
  }
  return kDone;
}

// What determines a result, but for how many labels of its ranking are written.
RunFacts facts_of(const ClassifyOptions& options, const std::vector<clip::Label>& labels,
                  const std::vector<std::string>& templates, const clip::Model& model) {
  std::string label_text, template_text;
  for (const clip::Label& label : labels) {
    label_text += label.name + '\n';
    for (const std::string& prompt : label.prompts) label_text += '\t' + prompt + '\n';
  }
  for (const std::string& each : templates) template_text += each + '\n';
  RunFacts facts;
  facts.add_digest("model", model.identity());
  facts.add_digest("labels", label_text);
  facts.add_digest("templates", template_text);
  add_engine_facts(options.run, model, &facts);
  add_decoding_facts(options.run, &facts);
  facts.add("threshold", fmt::format("{}", options.threshold));
  facts.add("truncation", options.templates.truncate ? "on" : "off");
  return facts;
}

// The embedding's label by the ranking and the threshold.
void rank(const float* embedding, const std::vector<std::string>& names,
          const clip::Embeddings& labels, double logit_scale, const ClassifyOptions& options,
          clip::ClassifyResult* result) {
  result->ranking = clip::choices_of(embedding, names, labels, logit_scale, options.top_k);
  result->label =
      result->probability() < options.threshold ? kUnknownLabel : result->ranking.front().label;
}

// The thumbnail with that under the heat of the image's likeliest label beside it; or alone where
// that cannot be told, which is no error of the image.
std::string with_heat(const clip::ImageResult& image, const clip::Embeddings& labels,
                      const std::vector<float>& neutral, const clip::Model& model,
                      const ClassifyOptions& options, clip::ImageEncoder* encoder,
                      const clip::CancelToken& stop) {
  const std::vector<double> cosines = clip::cosines_with(image.embedding, labels);
  const auto first = std::max_element(cosines.begin(), cosines.end()) - cosines.begin();
  ExplainedTexts label;
  label.prompts.count = 1;
  label.prompts.dim = labels.dim;
  label.prompts.values.assign(labels.row(first), labels.row(first) + labels.dim);
  label.neutral = neutral;
  try {
    return explained_thumbnail(image, label, model, encoder,
                               encoder_options(options.run.model).precision, options.run.run.batch,
                               &stop);
  } catch (const clip::Error& error) {
    if (error.code() != clip::ErrorCode::kCancelled) {
      notice(fmt::format("cannot explain {}: {}", image.source.name, message_of(error)));
    }
    return image.thumbnail;
  }
}

// Throws UsageError for --labels cat dog, where the shell gives the second label as an image:
// before anything is filed under the only label that is left.
void check_single_label(const ClassifyOptions& options) {
  if (clip::is_regular_file(options.labels.list)) {
    throw UsageError(
        fmt::format("{0} is a file; --labels-file {0} reads labels from it", options.labels.list));
  }
  for (const std::string& named : options.images.named) {
    if (options.labels.list.empty() || brace_list(named) || url_kind(named) != UrlKind::kNone ||
        named == "-" || clip::exists(named)) {
      continue;
    }
    throw UsageError(
        fmt::format("cannot read {0}: there is no such file; labels are separated by commas: "
                    "--labels \"{1},{0}\"",
                    named, options.labels.list));
  }
}

int run_classify(const ClassifyOptions& given) {
  if (given.list_label_sets) return list_sets(given.output.format == "json");
  check(given);
  std::vector<std::string> files = files_of(given.images);
  files.push_back(given.labels.file);
  check_outputs({given.output.output, given.output.report}, files);
  ClassifyOptions options = given;
  const bool is_json = std::string(format_of(options).name) == "json";
  const Shard shard = shard_of_run(options.shard, options.run.run.quiet,
                                   {&options.output.output, &options.output.report});
  if (shard.is_part() && options.sort.by == SortMethod::kMove && !options.sort.folder.empty()) {
    throw UsageError(
        "--by move changes the list that is dealt out to the shards; file the images by link or "
        "copy, or in one run (--shard 0/1)");
  }
  if (shard.is_part() && options.sort.dry_run && !options.output.output.empty()) {
    throw UsageError(
        "--dry-run files nothing, so a shard must not be taken for done; leave out "
        "--output");
  }
  const std::vector<clip::Label> labels = read_labels(options.labels);
  if (labels.size() == 1) check_single_label(options);
  const std::vector<std::string> templates = read_templates(options.templates);
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  clip::ImagePathsOptions walk = walk_options(options.images, &stop);
  walk.excluded_dir = options.sort.folder;
  std::optional<ShardedList> list;
  if (shard.is_part()) list.emplace(shard);
  if (!options.sort.folder.empty()) walk.archives = clip::Archives::kRefuse;
  ImageSources sources = image_sources(options.images, walk, &stop, list ? &*list : nullptr);
  if (labels.size() == 1 && !options.run.run.quiet) {
    notice(
        "there is only one label, so every image has 100 % of it; compare scores, or add labels");
  }
  const auto model = open_model(options.run.model, options.run.run.quiet);
  if (options.explain) require_heat();
  std::vector<std::string> names;
  for (const clip::Label& label : labels) names.push_back(label.name);

  // Results in a file say what they were made by, so that another run can go on with it.
  const RunFacts facts = facts_of(options, labels, templates, *model);
  const std::string run = options.output.output.empty() ? "" : facts.text();
  std::string path = options.output.output;
  std::optional<ShardOutput> shard_output;
  if (list && !path.empty()) {
    shard_output.emplace("classify", format_of(options).name, path, shard, facts);
    if (shard_output->is_complete()) {
      sources.pass_over_rest();
      return stop.cancelled() ? kFailed : shard_output->skip(&*list, options.run.run.quiet);
    }
    path = shard_output->part();
  }
  std::optional<EarlierResults> earlier;
  if (options.resume || (shard_output && is_json)) earlier.emplace(path, facts);

  // The folder that images are filed into is made first, so that it can be told from those that
  // they come from, and is not read itself.
  std::optional<ImageCount> count;
  Progress progress("image", options.run.run.quiet,
                    [&] { return count ? share_of(shard, count->total()) : std::nullopt; });
  std::optional<SortInto> sorter;
  if (!options.sort.folder.empty()) {
    sorter.emplace(options.sort.folder, options.sort.by.value_or(SortMethod::kLink),
                   options.sort.dry_run);
  }
  const OutputFormat& format = format_of(options);
  LabelColumns columns;
  columns.labels = names;
  columns.choices = std::min(options.top_k, labels.size());
  columns.files = sorter.has_value();
  columns.threshold = options.threshold;
  columns.sample = sample_columns(options.images);
  const WriterContext context = label_context(columns, title_of(*model));
  Results results(earlier        ? Output::appending(earlier->take_descriptor(), path)
                  : shard_output ? Output::replacing(path)
                                 : Results::output_of(options.output),
                  format, options.output, context);
  if (StatusLine::is_watched() && !options.run.run.quiet && can_be_counted(options.images)) {
    count.emplace([&] { return counted_images(options.images, walk, &stop); }, &stop);
  }

  std::atomic<std::uint64_t> skipped{0};
  // The first images are decoded while the labels are embedded.
  clip::EmbedOptions embed =
      embed_options(options.run, model->config(), Results::thumbnail_side(format, options.output));
  embed.keep_input = options.explain;
  clip::ImageEmbedder embedder(
      model,
      [&](clip::ImageSource* next) {
        while (sources.next(next)) {
          const bool is_done =
              earlier && (list ? earlier->take_first(next->name) : earlier->holds(next->name));
          if (!is_done) return true;
          ++skipped;
        }
        return false;
      },
      embed, &stop);
  clip::TextOptions texts;
  texts.encoder = encoder_options(options.run.model);
  texts.truncate = options.templates.truncate;
  const clip::Embeddings embedded = embed_labels(model, labels, templates, texts, stop, &progress);
  std::vector<float> neutral;
  if (options.explain) {
    clip::TextEmbedder embedder_of_texts(model, texts);
    neutral = neutral_of(&embedder_of_texts);
  }

  results.begin();
  for_each_image(
      &embedder, &progress,
      [&](const clip::ImageResult& image) {
        clip::ClassifyResult result;
        result.image = image.source.name;
        result.texts = image.source.texts;
        result.model = model->path();
        result.run = run;
        result.error = image_error(image);
        if (image.embedding != nullptr) {
          rank(image.embedding, names, embedded, model->config().logit_scale, options, &result);
          try {
            if (sorter) result.filed = sorter->file(result.image, result.label);
          } catch (const clip::Error& error) {
            result.error = clip::ResultError{clip::kNotFiled, message_of(error)};
          }
        }
        // The progress line, on the same terminal, makes way for results and notices.
        if (result.error || results.on_terminal()) progress.clear();
        if (result.error) error_notice(result.error->message);
        std::string thumbnail = image.thumbnail;
        if (options.explain && image.embedding != nullptr) {
          thumbnail =
              with_heat(image, embedded, neutral, *model, options, embedder.encoder(), stop);
        }
        results.write(label_record(result, std::move(thumbnail), columns));
        // An image that has been filed is written at once: after a crash nothing is filed that is
        // not known.
        if (sorter) results.flush();
        progress.add(result.error.has_value());
      },
      [&] {
        results.flush();
        progress.skip_to(skipped);
      });
  progress.skip_to(skipped);
  const bool interrupted = interrupt_signal() != 0;
  const std::uint64_t failed_before = earlier ? earlier->failed() : 0;
  if (list && !interrupted) {
    list->finish();
    if (earlier) earlier->check_all_taken();
  }
  results.finish(summary_of(progress, interrupted));
  if (shard_output && !interrupted)
    shard_output->complete(*list, progress.failed() + failed_before);
  progress.finish(interrupted);
  if (interrupted && earlier && !options.run.run.quiet) {
    notice("the same command goes on from there");
  }
  if (failed_before > 0) {
    notice(fmt::format("{} of those that had been done before had failed", failed_before));
  }
  return finish_images(progress, sources.left_out(), options.run.run.quiet, failed_before,
                       list ? list->items() : 0);
}

}  // namespace

void setup_classify(CLI::App* classify, Command* command) {
  auto options = std::make_shared<ClassifyOptions>();
  add_image_inputs(classify, &options->images);
  add_label_options(classify, &options->labels);
  add_template_options(classify, &options->templates);
  classify
      ->add_flag("--list-label-sets", options->list_label_sets,
                 "Print the names of the built-in sets of labels and templates, and end")
      ->group("Labels");
  classify->add_option("--top-k", options->top_k, "How many labels to give for each image")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K")
      ->capture_default_str();
  classify
      ->add_option("--threshold", options->threshold,
                   "Call an image `unknown` whose likeliest label is less probable")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("P")
      ->capture_default_str();

  const char* kOutput = "Output";
  add_output_options(classify, &options->output, /*report=*/true,
                     {{"tsv", "Print tab-separated values [default when stdout is no terminal]"}});
  classify
      ->add_flag("--resume", options->resume,
                 "Go on where an earlier run with the same --output ended\n"
                 "Images that the file of --output has results for are left out. It needs JSON "
                 "Lines.")
      ->group(kOutput);
  classify
      ->add_flag(
          "--explain", options->explain,
          "In the page of --report, draw what carries each first label\n"
          "Beside each image stands the same image, with the parts that carry its first label "
          "coloured (see explain).")
      ->needs(classify->get_option("--report"))
      ->group(kOutput);
  add_sort_options(classify, &options->sort, "each image into a folder DIR/LABEL");
  add_shard_option(classify, &options->shard);
  add_image_run_options(classify, &options->run);
  classify->footer(
      "Examples:\n"
      "  clip-cli classify photos --labels \"cat,dog,hot dog\"\n"
      "  clip-cli classify photos --label-set imagenet --output labels.jsonl --resume\n"
      "  clip-cli classify photos --labels-file labels.txt --report report.html --sort-into "
      "sorted");
  classify->callback([=] { *command = [=] { return run_classify(*options); }; });
}

}  // namespace clip_cli
