// `clip-cli evaluate`: zero-shot accuracy on a folder that has a folder for each class.
#include "commands/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clip/error.h"
#include "clip/image_embedder.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "input/class_folders.h"
#include "input/input_lists.h"
#include "input/webdataset.h"
#include "options/encoding_option.h"
#include "options/input_options.h"
#include "options/label_options.h"
#include "options/shard_option.h"
#include "run/image_run.h"
#include "run/label_run.h"
#include "run/results.h"
#include "terminal/columns.h"
#include "terminal/error_notice.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/confusion_image.h"
#include "zero_shot/accuracy.h"

namespace clip_cli {
namespace {

constexpr std::size_t kTopK = 5;
constexpr std::size_t kConfusedPairs = 10;

// What is measured on: the classes, the templates, and the images, tagged with their class.
struct DataSet {
  std::vector<ClassFolder> classes;
  std::vector<std::string> templates;
  std::optional<Webdataset> archives;  // nothing: folders of classes
};

std::vector<ClassFolder> classes_of_folders(const EvaluateOptions& options) {
  std::vector<ClassFolder> classes = read_class_folders(options.data, options.exclude);
  if (options.class_names.empty()) return classes;
  const auto others = name_classes(read_whole({options.class_names, options.encoding}),
                                   options.class_names, &classes);
  if (!others.empty()) {
    notice(fmt::format("{} names {} folder{} that {} does not have, {} for one: left out",
                       options.class_names, others.size(), others.size() == 1 ? "" : "s",
                       options.data, others.front()));
  }
  return classes;
}

DataSet data_set_of(const EvaluateOptions& options) {
  DataSet data;
  data.archives = find_webdataset(options.data, options.split);
  const bool has_templates = !options.templates.templates.empty() || !options.templates.set.empty();
  if (!data.archives) {
    data.classes = classes_of_folders(options);
    data.templates = read_templates(options.templates);
    return data;
  }
  const std::string& names =
      options.class_names.empty() ? data.archives->class_file : options.class_names;
  if (names.empty()) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("{} has no classnames.txt beside it, which names the classes of "
                                  "its samples, a line each; --class-names names another file",
                                  options.data));
  }
  data.classes = parse_class_names(read_whole({names, options.encoding}), names);
  const std::string& templates = data.archives->templates_file;
  data.templates = has_templates || templates.empty()
                       ? read_templates(options.templates)
                       : parse_wds_templates(read_whole({templates, ""}), templates);
  return data;
}

// The images one after the other, whatever they are in.
class DataSetImages {
 public:
  DataSetImages(const EvaluateOptions& options, const DataSet& data,
                const clip::ImagePathsOptions& walk, const clip::CancelToken* stop)
      : classes_(data.classes.size()), stop_(stop) {
    if (!data.archives) {
      folders_.emplace(options.data, data.classes, walk);
      return;
    }
    ImageInputs inputs;
    inputs.named = {data.archives->archives};
    inputs.exclude = options.exclude;
    archives_.emplace(image_sources(inputs, walk_options(inputs, stop), stop));
  }

  bool next(clip::ImageSource* source) {
    if (stop_->cancelled()) return false;
    if (folders_) return folders_->next(source);
    if (!archives_->next(source)) return false;
    tag_class(classes_, source);
    return true;
  }

  clip::LeftOut left_out() const { return folders_ ? folders_->left_out() : archives_->left_out(); }

 private:
  const std::size_t classes_;
  const clip::CancelToken* const stop_;
  std::optional<ClassImages> folders_;
  std::optional<ImageSources> archives_;
};

clip::EvaluateResult result_of(const clip::Accuracy& accuracy,
                               const std::vector<ClassFolder>& classes, const std::string& model,
                               std::uint64_t failed) {
  clip::EvaluateResult result;
  result.model = model;
  result.images = accuracy.images();
  result.failed = failed;
  result.top_1 = accuracy.top_k(1);
  result.top_5 = accuracy.top_k(kTopK);
  result.mean_recall = accuracy.mean_recall();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    result.classes.push_back(
        {classes[i].folder, classes[i].label, accuracy.images(i), accuracy.recall(i)});
  }
  for (const auto& pair : accuracy.confused_pairs(kConfusedPairs)) {
    result.confused.push_back(
        {classes[pair.truth].label, classes[pair.predicted].label, pair.images});
  }
  for (const auto& cell : accuracy.confusion()) {
    result.confusion.push_back({cell.truth, cell.predicted, cell.images});
  }
  return result;
}

// A share for people: two decimals of a percent, or a dash where there is none.
std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.2f} %", 100 * share);
}

// What people read instead of JSON.
std::string text_of(const clip::EvaluateResult& result) {
  std::string text = fmt::format("{:<12}{:>10}  of {} images in {} classes\n", "top-1",
                                 percent(result.top_1), result.images, result.classes.size());
  text += fmt::format("{:<12}{:>10}\n", "top-5", percent(result.top_5));
  text +=
      fmt::format("{:<12}{:>10}  over the classes\n\n", "mean recall", percent(result.mean_recall));

  constexpr int kMaxWidth = 40;
  int width = 5;
  for (const auto& each : result.classes) {
    width = std::min(kMaxWidth, std::max(width, display_width(printable(each.label))));
  }
  const auto name = [&](const std::string& label) {
    return padded(cut_to_width(printable(label), width), width);
  };
  text += fmt::format("{}  {:>8}  {:>10}\n", padded("class", width), "images", "recall");
  for (const auto& each : result.classes) {
    text += fmt::format("{}  {:>8}  {:>10}\n", name(each.label), each.images, percent(each.recall));
  }
  if (result.confused.empty()) return text;
  text += fmt::format("\n{}  {}  {:>8}  {:>10}\n", padded("class", width),
                      padded("predicted", width), "images", "of class");
  for (const auto& pair : result.confused) {
    const auto of_class = std::find_if(result.classes.begin(), result.classes.end(),
                                       [&](const auto& each) { return each.label == pair.label; });
    text += fmt::format("{}  {}  {:>8}  {:>10}\n", name(pair.label), name(pair.predicted),
                        pair.images, percent(double(pair.images) / double(of_class->images)));
  }
  return text;
}

WriterContext context_of() {
  WriterContext context;
  for (const char* name : {"folder", "label", "images", "recall"}) {
    Column column;
    column.name = name;
    context.columns.push_back(column);
  }
  context.table_header = false;
  return context;
}

Record record_of(const clip::EvaluateResult& result) {
  Record record;
  record.json = to_json(result);
  record.text = text_of(result);
  for (const auto& each : result.classes) {
    record.rows.push_back({each.folder, each.label, static_cast<std::int64_t>(each.images),
                           std::isnan(each.recall) ? Cell() : Cell(each.recall)});
  }
  return record;
}

// The page shows the images, each under the label that was predicted.
class Page {
 public:
  Page(const std::string& path, const clip::Model& model, std::vector<std::string> labels)
      : output_(Output::replacing(path)) {
    WriterContext context;
    context.model = title_of(model);
    context.labels = std::move(labels);
    writer_ = make_html(context);
    writer_->begin(&output_);
  }

  void write(const clip::ClassifyResult& result, const std::string& thumbnail) {
    Record record;
    record.json = to_json(result);
    record.thumbnail = thumbnail;
    record.file = result.image;
    writer_->write(record, &output_);
  }

  void finish(const RunSummary& summary) {
    writer_->end(summary, &output_);
    output_.commit();
  }

 private:
  Output output_;
  std::unique_ptr<RecordWriter> writer_;
};

// The metrics as CLIP_benchmark names them.
clip::Json metrics_of(const clip::EvaluateResult& result) {
  return {{"acc1", result.top_1},
          {"acc5", result.top_5},
          {"mean_per_class_recall", result.mean_recall}};
}

void check(const EvaluateOptions& options) {
  check(options.output);
  if (format_of(options.output, "table").has_thumbnails) {
    throw UsageError("--output takes the accuracy; --report takes a page of the images");
  }
  if (options.clip_benchmark.file == "-" && options.output.output.empty() &&
      !options.output.format.empty()) {
    throw UsageError(
        "standard output takes one of the two, what CLIP_benchmark writes or another format; name "
        "a file for --clip-benchmark");
  }
  if (!options.retrieval && !options.images_in.empty()) {
    throw UsageError("--images-in says where the images of --retrieval are");
  }
}

int run_evaluate(const EvaluateOptions& options) {
  check(options);
  if (options.retrieval) return evaluate_retrieval(options);
  const DataSet data = data_set_of(options);
  const std::vector<ClassFolder>& classes = data.classes;
  std::vector<clip::Label> labels;
  std::vector<std::string> names;
  for (const ClassFolder& each : classes) {
    labels.push_back({each.label, {}});
    names.push_back(each.label);
  }
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  const OutputFormat& format = format_of(options.output, "table");
  // Whatever cannot be written should be known before the model is loaded.
  std::optional<Output> confusion;
  if (!options.confusion.empty()) confusion.emplace(Output::replacing(options.confusion));
  const auto model = open_model(options.run.model, options.run.run.quiet);
  EvaluateOutputs outputs(options, context_of());
  std::optional<Page> page;
  if (!options.output.report.empty()) page.emplace(options.output.report, *model, names);

  std::optional<ImageCount> count;
  Progress progress("image", options.run.run.quiet,
                    [&] { return count ? count->total() : std::optional<std::uint64_t>(); });
  const clip::ImagePathsOptions walk = class_walk(options.data, options.exclude, &stop);
  if (StatusLine::is_watched() && !options.run.run.quiet && !data.archives) {
    count.emplace(
        [&, at = std::size_t{0}]() mutable {
          return clip::ImagePaths(
              [&, at](std::string* path) mutable {
                if (at == classes.size()) return false;
                *path = class_path(options.data, classes[at++]);
                return true;
              },
              walk);
        },
        &stop);
  }
  DataSetImages images(options, data, walk, &stop);
  clip::ImageEmbedder embedder(
      model, [&](clip::ImageSource* next) { return images.next(next); },
      embed_options(options.run, model->config(), Results::thumbnail_side(format, options.output)),
      &stop);
  clip::TextOptions texts;
  texts.encoder = encoder_options(options.run.model);
  texts.truncate = options.templates.truncate;
  const clip::Embeddings embedded =
      embed_labels(model, labels, data.templates, texts, stop, &progress);

  clip::Accuracy accuracy(classes.size());
  for_each_image(&embedder, &progress, [&](const clip::ImageResult& image) {
    clip::ClassifyResult result;
    result.image = image.source.name;
    result.error = image_error(image);
    progress.add(result.error.has_value());
    if (result.error) {
      progress.clear();
      error_notice(result.error->message);
    } else {
      const double logit_scale = model->config().logit_scale;
      const std::vector<double> cosines = clip::cosines_with(image.embedding, embedded);
      const auto ranking = clip::rank_labels(cosines.data(), cosines.size(), logit_scale, kTopK);
      accuracy.add(image.source.tag, ranking);
      for (const clip::RankedLabel& each : ranking) {
        result.ranking.push_back({names[each.label], each.score, each.probability});
      }
      result.label = result.ranking.front().label;
    }
    if (page) page->write(result, image.thumbnail);
  });
  progress.clear();
  const bool interrupted = interrupt_signal() != 0;
  if (accuracy.images() == 0) {
    progress.finish(interrupted);
    finish_images(progress, images.left_out(), options.run.run.quiet);
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("{} has no image {} that could be read", options.data,
                                  data.archives ? "with a class" : "in its folders"));
  }
  const RunSummary summary = summary_of(progress, interrupted);
  const clip::EvaluateResult result =
      result_of(accuracy, classes, model->path(), progress.failed());
  outputs.write(record_of(result), summary,
                clip_benchmark_json(options.clip_benchmark, options.data, options.run.model, *model,
                                    "zeroshot_classification", metrics_of(result)));
  if (page) page->finish(summary);
  if (confusion) {
    confusion->write(confusion_png(accuracy, names));
    confusion->commit();
  }
  progress.finish(interrupted);
  return finish_images(progress, images.left_out(), options.run.run.quiet);
}

}  // namespace

EvaluateOutputs::EvaluateOutputs(const EvaluateOptions& options, const WriterContext& context)
    : benchmark_(clip_benchmark_output(options.clip_benchmark)) {
  const OutputOptions& output = options.output;
  if (options.clip_benchmark.file == "-" && output.output.empty()) return;
  OutputOptions results_only = output;  // pages are of images
  results_only.report.clear();
  results_.emplace(Results::output_of(results_only), format_of(output, "table"), results_only,
                   context);
}

void EvaluateOutputs::write(const Record& record, const RunSummary& summary,
                            const clip::Json& benchmark) {
  if (results_) {
    results_->begin();
    results_->write(record);
    results_->finish(summary);
  }
  if (!benchmark_) return;
  benchmark_->write(clip::json_line(benchmark));
  benchmark_->commit();
}

void setup_evaluate(CLI::App* evaluate, Command* command) {
  auto options = std::make_shared<EvaluateOptions>();
  evaluate
      ->add_option("DATA", options->data,
                   "A folder with a folder for each class, or a webdataset\n"
                   "A webdataset is tar archives whose samples have a .cls, or a folder of them as "
                   "CLIP_benchmark has it. With --retrieval: a table of captions, or a webdataset "
                   "whose samples "
                   "have a .txt.")
      ->required()
      ->type_name("");
  evaluate->add_option("--split", options->split, "Which part of a webdataset's folder to read")
      ->type_name("NAME")
      ->capture_default_str();
  evaluate
      ->add_flag(
          "--retrieval", options->retrieval,
          "Measure recall at 1, 5 and 10 on images with captions\n"
          "DATA is then CSV with the columns image and caption, or filepath and title, a line for "
          "each caption; or a webdataset.")
      ->group("Retrieval");
  evaluate
      ->add_option("--images-in", options->images_in,
                   "Folder that the table's paths begin in [that of the table]")
      ->type_name("DIR")
      ->group("Retrieval");
  evaluate
      ->add_option(
          "--class-names", options->class_names,
          "Names of the classes, as FOLDER<TAB>LABEL [the folders' names]\n"
          "Without it the names of the folders are the labels, with blanks for underscores. "
          "For a webdataset a line is a label, in the order of the classes' numbers; without "
          "it they are in classnames.txt beside it. - is standard input.")
      ->type_name("FILE")
      ->group("Labels");
  // Its old name, in scripts.
  evaluate->add_option("--labels-file", options->class_names, "")->group("");
  add_encoding_option(evaluate, &options->encoding, "Labels");
  add_exclude_option(evaluate, &options->exclude);
  add_template_options(evaluate, &options->templates);
  add_output_options(evaluate, &options->output, /*report=*/true,
                     {{"json", "Print one JSON object"},
                      {"csv", "Print comma-separated values, a line for each class"},
                      {"tsv", "Print tab-separated values, a line for each class"}});
  evaluate
      ->add_option("--confusion", options->confusion,
                   "Draw the confusion matrix: which classes are predicted for which")
      ->type_name("FILE.png")
      ->group("Output");
  refuse_shard_option(evaluate,
                      "accuracies of shards cannot be joined to that of the whole; run evaluate on "
                      "all images at once, or classify with --shard");
  add_clip_benchmark_options(evaluate, &options->clip_benchmark);
  add_image_run_options(evaluate, &options->run);
  evaluate->footer(
      "Examples:\n"
      "  clip-cli evaluate imagenet/val --class-names names.tsv --template-set openai_imagenet "
      "--confusion confusion.png\n"
      "  clip-cli evaluate imagenet/val --clip-benchmark result.json --dataset imagenet1k\n"
      "  clip-cli evaluate captions.csv --retrieval");
  evaluate->callback([=] { *command = [=] { return run_evaluate(*options); }; });
}

}  // namespace clip_cli
