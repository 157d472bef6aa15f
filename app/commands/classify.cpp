#include "commands/classify.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/Validators.hpp>
#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "error.h"
#include "errors.h"
#include "interrupt.h"
#include "label_options.h"
#include "options.h"
#include "picture_options.h"
#include "resume.h"
#include "sort_into.h"
#include "ui/classified.h"
#include "ui/columns.h"
#include "ui/html_report.h"
#include "ui/json.h"
#include "ui/output.h"
#include "ui/progress.h"
#include "ui/text.h"
#include "zero_shot/builtin_sets.h"
#include "zero_shot/prompt_templates.h"
#include "zero_shot/ranking.h"
#include "zero_shot/similarity.h"

namespace clip_cli {
namespace {

constexpr const char* kUnknown = "unknown";

enum class Format { kTable, kTsv, kCsv, kJson };

struct ClassifyOptions {
  PictureOptions pictures;
  LabelOptions labels;
  TemplateOptions templates;
  std::size_t top_k = 5;
  double threshold = 0;
  bool json = false, csv = false, tsv = false;
  std::string output, report;
  bool resume = false;
  std::string sort_into, by = "link";
  bool dry_run = false;
  bool list_label_sets = false;
  RunOptions run;
  ModelOptions model;
  ImageOptions image;
};

bool ends_with(const std::string& text, const std::string& ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

// What the options ask for, else what the file's name says, else what suits the reader.
Format format_of(const ClassifyOptions& options) {
  if (options.json) return Format::kJson;
  if (options.csv) return Format::kCsv;
  if (options.tsv) return Format::kTsv;
  if (options.output.empty()) return ::isatty(STDOUT_FILENO) == 1 ? Format::kTable : Format::kTsv;
  if (ends_with(options.output, ".jsonl") || ends_with(options.output, ".json")) {
    return Format::kJson;
  }
  return ends_with(options.output, ".csv") ? Format::kCsv : Format::kTsv;
}

std::unique_ptr<ResultFormat> make_format(Format format, const ResultColumns& columns) {
  switch (format) {
    case Format::kJson:
      return json_results(columns);
    case Format::kCsv:
      return csv_results(columns);
    case Format::kTsv:
      return tsv_results(columns);
    case Format::kTable:
      break;
  }
  return table_results(columns);
}

void check(const ClassifyOptions& options) {
  if (options.dry_run && options.sort_into.empty()) {
    throw UsageError("--dry-run shows what --sort-into would do; name its folder, too");
  }
  if (options.dry_run && options.resume) {
    throw UsageError("--dry-run files nothing, so --resume must not take its results for done");
  }
  if (options.resume && options.output.empty()) {
    throw UsageError("--resume goes on with the file of --output; name it, too");
  }
  if (options.resume && format_of(options) != Format::kJson) {
    throw UsageError("--resume needs JSON Lines: name the output FILE.jsonl, or add --json");
  }
  if (!options.report.empty() && options.report == options.output) {
    throw UsageError("--report and --output name the same file");
  }
}

int list_sets(bool json) {
  for (const std::string& name : clip::label_set_names()) {
    const std::size_t count = clip::builtin_label_set(name).size();
    if (json) {
      print_json({{"kind", "labels"}, {"name", name}, {"count", count}});
    } else {
      fmt::print("{:<20} {:5} labels\n", name, count);
    }
  }
  for (const std::string& name : clip::template_set_names()) {
    const std::size_t count = clip::builtin_template_set(name).size();
    if (json) {
      print_json({{"kind", "templates"}, {"name", name}, {"count", count}});
    } else {
      fmt::print("{:<20} {:5} templates\n", name, count);
    }
  }
  return kDone;
}

FilingMethod filing_method(const std::string& name) {
  if (name == "copy") return FilingMethod::kCopy;
  return name == "move" ? FilingMethod::kMove : FilingMethod::kLink;
}

// Everything that a run writes to, and what it writes.
class Writer {
 public:
  Writer(const ClassifyOptions& options, const ResultColumns& columns, const ReportRun& run,
         const EarlierResults* earlier, Progress* progress)
      : format_(make_format(format_of(options), columns)),
        output_(earlier != nullptr       ? Output::appending(earlier->descriptor(), options.output)
                : options.output.empty() ? Output::standard()
                                         : Output::replacing(options.output)),
        progress_(progress) {
    if (!options.report.empty()) report_.emplace(options.report, run);
    if (!options.sort_into.empty()) {
      filer_.emplace(options.sort_into, filing_method(options.by), options.dry_run);
    }
  }

  // Before the first picture, when nothing can go wrong any more but pictures.
  void begin() { output_.write(format_->header()); }

  void write(Classified result, const std::string& thumbnail) {
    if (filer_ && result.error.empty()) {
      try {
        result.filed = filer_->file(result.image, result.label);
      } catch (const clip::Error& error) {
        result.error = error.what();
      }
    }
    const bool failed = !result.error.empty();
    // The progress line, on the same terminal, makes way for results and notices.
    if (failed || output_.is_terminal()) progress_->clear();
    if (failed) notice(result.error);
    output_.write(format_->row(result));
    // What has been filed is written at once: after a crash nothing is filed that is not known.
    if (filer_) output_.flush();
    if (report_) report_->add(result, thumbnail);
    progress_->add(failed);
  }

  void flush() { output_.flush(); }

  void finish(bool interrupted) {
    output_.commit();
    if (report_) {
      report_->finish({progress_->done(), progress_->failed(), progress_->seconds(), interrupted});
    }
  }

 private:
  const std::unique_ptr<ResultFormat> format_;
  Output output_;
  std::optional<HtmlReport> report_;
  std::optional<PictureFiler> filer_;
  Progress* const progress_;
};

Classified classified(const std::vector<clip::Label>& labels,
                      const std::vector<clip::RankedLabel>& ranking, double threshold) {
  Classified result;
  for (const clip::RankedLabel& ranked : ranking) {
    result.ranking.push_back({labels[ranked.label].name, ranked.score, ranked.probability});
  }
  result.label = result.probability() < threshold ? kUnknown : result.ranking.front().label;
  return result;
}

ResultColumns columns_of(const ClassifyOptions& options, const std::vector<clip::Label>& labels,
                         const clip::ModelFile& model) {
  ResultColumns columns;
  columns.model = model.path();
  columns.top_k = std::min(options.top_k, labels.size());
  columns.filed = !options.sort_into.empty();
  columns.width = terminal_width(STDOUT_FILENO);
  for (const clip::Label& label : labels) {
    columns.longest_label = std::max(columns.longest_label, display_width(printable(label.name)));
  }
  return columns;
}

ReportRun report_run(const ClassifyOptions& options, const std::vector<clip::Label>& labels,
                     const clip::ModelFile& model) {
  ReportRun run;
  run.model = model.config().name.empty() ? model.path() : model.config().name;
  for (const clip::Label& label : labels) run.labels.push_back(label.name);
  run.threshold = options.threshold;
  return run;
}

int run_classify(const ClassifyOptions& options) {
  if (options.list_label_sets) return list_sets(options.json);
  check(options);
  if (options.labels.file == "-" && reads_standard_input(options.pictures)) {
    throw UsageError("pictures and --labels-file cannot both come from standard input");
  }
  const auto labels = clip_cli::labels(options.labels);
  templates(options.templates);  // a mistake in them is known before the model is loaded
  const auto named = named_pictures(options.pictures);
  catch_interrupts();
  const auto model = open_model(options.model);
  const clip::ModelConfig& config = model->config();

  std::optional<EarlierResults> earlier;
  if (options.resume) {
    std::unordered_set<std::string> names;
    for (const clip::Label& label : labels) names.insert(label.name);
    earlier.emplace(options.output, model->path(), names);
  }

  // The folder that pictures are filed into is made first, so that it can be told from those that
  // they come from, and is not read itself.
  std::optional<PictureCount> count;
  Progress progress("picture", options.run.quiet,
                    [&] { return count ? count->total() : std::optional<std::uint64_t>(); });
  Writer writer(options, columns_of(options, labels, *model), report_run(options, labels, *model),
                earlier ? &*earlier : nullptr, &progress);
  if (Progress::is_watched() && !options.run.quiet && can_be_counted(options.pictures)) {
    count.emplace(
        [&] { return clip::PicturePaths(named_pictures(options.pictures), options.sort_into); });
  }

  clip::PicturePaths paths(named, options.sort_into);
  std::atomic<std::uint64_t> skipped{0};
  RunOptions run = options.run;
  run.thumbnail_side = options.report.empty() ? 0 : HtmlReport::kThumbnailSide;
  // The first pictures are decoded while the weights are read.
  clip::ImageStream stream(
      [&](clip::PicturePath* next) {
        while (interrupted() == 0 && paths.next(next)) {
          if (!earlier || !earlier->holds(next->path)) return true;
          ++skipped;
        }
        return false;
      },
      clip::preprocess_rule(config), stream_options(run, options.model, options.image, config));
  const WaitsEndHere waits_end_here;
  const auto encoder = open_encoder(model, options.model);
  const clip::Embeddings embedded =
      embed_labels(labels, options.templates, encoder.get(), config, &progress);

  writer.begin();
  progress.show();
  for_each_picture(
      &stream, encoder.get(), run.batch,
      [&](const clip::ImageResult& picture, const float* embedding) {
        Classified result;
        if (embedding != nullptr) {
          const std::vector<double> cosines = clip::cosines_with(embedding, embedded);
          result = classified(
              labels,
              clip::rank_labels(cosines.data(), cosines.size(), config.logit_scale, options.top_k),
              options.threshold);
        }
        result.image = picture.path;
        result.error = picture.error;
        writer.write(std::move(result), picture.thumbnail);
      },
      [&] {
        writer.flush();
        progress.skip_to(skipped);
        progress.show();
      });
  progress.skip_to(skipped);
  writer.finish(interrupted() != 0);
  progress.finish(interrupted() != 0);
  if (interrupted() != 0 && options.resume && !options.run.quiet) {
    notice("the same command goes on from there");
  }
  const std::uint64_t failed_before = earlier ? earlier->failed() : 0;
  if (failed_before > 0) {
    notice(fmt::format("{} of those that had been done before had failed", failed_before));
  }
  return progress.failed() + failed_before == 0 ? kDone : kFailed;
}

}  // namespace

void setup_classify(CLI::App* app, std::function<int()>* command) {
  CLI::App* classify = app->add_subcommand(
      "classify", "Tell pictures apart by labels, zero-shot: the likeliest labels of each");
  auto options = std::make_shared<ClassifyOptions>();
  add_picture_options(classify, &options->pictures);
  add_label_options(classify, &options->labels);
  add_template_options(classify, &options->templates);
  classify
      ->add_flag("--list-label-sets", options->list_label_sets,
                 "Print the names of the label sets and template sets that are built in")
      ->group("Labels");
  classify->add_option("--top-k", options->top_k, "Labels in a picture's ranking")
      ->check(CLI::Range(1, 1000000))
      ->type_name("K")
      ->capture_default_str();
  classify
      ->add_option("--threshold", options->threshold,
                   "A picture whose likeliest label is less probable than this is `unknown`")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("P")
      ->capture_default_str();

  const char* kOutput = "Output";
  auto* json =
      classify->add_flag("--json", options->json, "Print an object a picture")->group(kOutput);
  auto* csv = classify->add_flag("--csv", options->csv, "Print CSV")->group(kOutput);
  auto* tsv = classify
                  ->add_flag("--tsv", options->tsv,
                             "Print fields between tabs: what is printed where no terminal is")
                  ->group(kOutput);
  json->excludes(csv)->excludes(tsv);
  csv->excludes(tsv);
  classify
      ->add_option("-o,--output", options->output,
                   "Write there instead; the name's ending (.jsonl, .csv, .tsv) chooses the format")
      ->type_name("FILE")
      ->group(kOutput);
  classify
      ->add_flag("--resume", options->resume,
                 "Keep what the file of --output holds, and go on with the other pictures")
      ->group(kOutput);
  classify
      ->add_option("--report", options->report,
                   "Write an HTML page, too, that shows the pictures under their labels")
      ->type_name("FILE.html")
      ->group(kOutput);
  classify
      ->add_option("--sort-into", options->sort_into,
                   "File each picture under DIR/label; nothing is overwritten")
      ->type_name("DIR")
      ->group(kOutput);
  classify->add_option("--by", options->by, "How they are filed: link (symbolic), copy or move")
      ->check(CLI::IsMember({"link", "copy", "move"}))
      ->type_name("HOW")
      ->capture_default_str()
      ->group(kOutput);
  classify
      ->add_flag("--dry-run", options->dry_run, "Only show where --sort-into would put pictures")
      ->group(kOutput);
  add_run_options(classify, &options->run);
  add_model_options(classify, &options->model);
  add_image_options(classify, &options->image);
  classify->footer(
      "Examples:\n"
      "  clip-cli classify photos --labels \"cat,dog,hot dog\"\n"
      "  clip-cli classify photos --label-set imagenet --output labels.jsonl --resume\n"
      "  clip-cli classify photos --labels-file labels.txt --report report.html --sort-into "
      "sorted");
  classify->callback([=] { *command = [=] { return run_classify(*options); }; });
}

}  // namespace clip_cli
