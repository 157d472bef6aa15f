// `clip-cli evaluate --retrieval`: recall on images with captions.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "commands/evaluate.h"
#include "exit_code.h"
#include "input/caption_table.h"
#include "input/image_urls.h"
#include "input/webdataset.h"
#include "options/input_options.h"
#include "run/retrieval_run.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

void check_options(const EvaluateOptions& options) {
  const auto refuse = [](bool given, const char* option) {
    if (given) throw UsageError(fmt::format("{} is for classes, not for --retrieval", option));
  };
  refuse(!options.class_names.empty(), "--class-names");
  refuse(!options.confusion.empty(), "--confusion");
  refuse(!options.output.report.empty(), "--report");
  refuse(!options.templates.templates.empty() || !options.templates.set.empty(), "--template");
}

// "a/b.csv": "a".
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, std::max<std::size_t>(slash, 1));
}

// The images of a table, one after the other; the tag is their place in it.
class TableImages {
 public:
  TableImages(const EvaluateOptions& options, const clip::CancelToken* stop)
      : images_(read_caption_table(options.data, options.encoding, stop)),
        folder_(options.images_in.empty() ? folder_of(options.data) : options.images_in),
        stop_(stop) {}

  bool next(clip::ImageSource* source) {
    if (at_ == images_.size() || stop_->cancelled()) return false;
    const std::string& name = images_[at_].image;
    *source = {};
    source->name = name;
    source->tag = at_++;
    if (url_kind(name) != UrlKind::kNone) {
      resolve_url(stop_, source);
    } else if (!folder_.empty() && name.front() != '/') {
      source->name = clip::joined_path(folder_, name);
    }
    return true;
  }

  std::vector<std::string> captions(const clip::ImageSource& source) const {
    return images_[source.tag].captions;
  }

 private:
  const std::vector<CaptionedImage> images_;
  const std::string folder_;
  const clip::CancelToken* const stop_;
  std::size_t at_ = 0;
};

// The images of a webdataset, whose captions come with them; or of a table.
class CaptionedImages {
 public:
  CaptionedImages(const EvaluateOptions& options, const clip::CancelToken* stop) : stop_(stop) {
    const std::string extension = clip::extension_of(options.data);
    if (extension == "csv" || extension == "tsv" || extension == "txt") {
      if (!options.exclude.empty()) {
        throw UsageError("--exclude is for archives, not for a table of captions");
      }
      table_.emplace(options, stop);
      return;
    }
    const auto archives = find_webdataset(options.data, options.split);
    if (!archives) {
      throw clip::Error(clip::ErrorCode::kNotFound,
                        fmt::format("{} is no webdataset: {}/{}/nshards.txt is missing, which says "
                                    "how many archives there are; or name a table of captions, "
                                    "FILE.csv or FILE.tsv",
                                    options.data, options.data, options.split));
    }
    ImageInputs inputs;
    inputs.named = {archives->archives};
    inputs.exclude = options.exclude;
    archives_.emplace(image_sources(inputs, walk_options(inputs, stop), stop));
  }

  bool next(clip::ImageSource* source) {
    if (stop_->cancelled()) return false;
    return table_ ? table_->next(source) : archives_->next(source);
  }

  std::vector<std::string> captions(const clip::ImageSource& source) const {
    return table_ ? table_->captions(source) : captions_of(source);
  }

  clip::LeftOut left_out() const { return table_ ? clip::LeftOut() : archives_->left_out(); }

 private:
  const clip::CancelToken* const stop_;
  std::optional<TableImages> table_;
  std::optional<ImageSources> archives_;
};

std::string text_of(const RetrievalResult& result) {
  std::string text =
      fmt::format("{} images and {} captions\n\n{:<18}", result.images, result.texts, "recall at");
  for (const std::uint32_t k : kRecallCutoffs) text += fmt::format("{:>10}", k);
  const auto line = [&](const char* what, const std::vector<double>& shares) {
    text += fmt::format("\n{:<18}", what);
    for (const double share : shares) {
      text +=
          std::isnan(share) ? fmt::format("{:>10}", "-") : fmt::format("{:>8.2f} %", 100 * share);
    }
  };
  line("image retrieval", result.image_recall);
  line("text retrieval", result.text_recall);
  return text + "\n";
}

WriterContext context_of() {
  WriterContext context;
  for (const char* name : {"task", "k", "recall"}) {
    Column column;
    column.name = name;
    context.columns.push_back(column);
  }
  context.table_header = false;
  return context;
}

Record record_of(const RetrievalResult& result) {
  Record record;
  record.json = to_json(result);
  record.text = text_of(result);
  for (std::size_t i = 0; i < std::size(kRecallCutoffs); ++i) {
    const auto k = static_cast<std::int64_t>(kRecallCutoffs[i]);
    record.rows.push_back({std::string("image_retrieval"), k, result.image_recall[i]});
    record.rows.push_back({std::string("text_retrieval"), k, result.text_recall[i]});
  }
  return record;
}

}  // namespace

int evaluate_retrieval(const EvaluateOptions& options) {
  check_options(options);
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  CaptionedImages images(options, &stop);
  EvaluateOutputs outputs(options, context_of());
  const auto model = open_model(options.run.model, options.run.run.quiet);
  Progress progress("image", options.run.run.quiet, [] { return std::optional<std::uint64_t>(); });
  const RetrievalSources sources = {
      [&](clip::ImageSource* next) { return images.next(next); },
      [&](const clip::ImageSource& image) { return images.captions(image); }};
  const RetrievalResult result =
      run_retrieval(model, sources, options.run, options.templates.truncate, &stop, &progress);
  progress.clear();
  outputs.write(record_of(result), summary_of(progress, false),
                clip_benchmark_json(options.clip_benchmark, options.data, options.run.model, *model,
                                    "zeroshot_retrieval", metrics_of(result)));
  progress.finish(false);
  return finish_images(progress, images.left_out(), options.run.run.quiet, result.failed_texts);
}

}  // namespace clip_cli
