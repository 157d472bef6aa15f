// `clip-cli batch`: jobs for scripts, a line of JSON each (app/README.md).
#include <fmt/format.h>

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clip/error.h"
#include "clip/image_embedder.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "input/image_urls.h"
#include "input/input_lists.h"
#include "input/line_reader.h"
#include "options/encoding_option.h"
#include "options/label_options.h"
#include "run/image_run.h"
#include "run/results.h"
#include "service/answer.h"
#include "service/job.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxLine = 4 << 20;  // bytes

struct BatchOptions {
  std::string jobs = "-", encoding;
  bool truncate = false;
  bool allow_urls = false;
  OutputOptions output;
  ImageRunOptions run;
};

// Reads lines as the embedder asks for images: every line is a source, with or without an image, so
// that answers come in the order of lines, and no more are read than are in hand.
class JobSource {
 public:
  JobSource(const TextFile& jobs, bool allow_urls, const clip::CancelToken* stop)
      : reader_(jobs.path, '\n', stop, jobs.encoding), allow_urls_(allow_urls), stop_(*stop) {}

  // Called by the embedder's threads, one at a time.
  bool next(clip::ImageSource* source) {
    bool too_long = false;
    std::string text;
    do {
      if (stop_.cancelled() || !reader_.next(&text, kMaxLine, &too_long)) return false;
    } while (text.find_first_not_of(" \t") == std::string::npos);
    clip::ParsedJob line;
    if (too_long) {
      line.error = clip::ResultError{clip::kBadJson,
                                     fmt::format("the line has more than {} MiB", kMaxLine >> 20)};
    } else {
      line = clip::parse_job(text);
    }
    if (!line.error && line.job.image) {
      source->name = *line.job.image;
      if (source->name.empty()) {
        source->error = clip::Error(clip::ErrorCode::kNotFound, "the image has no name");
      }
      take_url(source);
    } else {
      source->error = clip::Error(clip::ErrorCode::kInvalidArgument, "there is no image");
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    lines_.push_back(std::move(line));
    return true;
  }

  // The line that belongs to the embedder's next result.
  clip::ParsedJob take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    clip::ParsedJob line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }

 private:
  // Jobs may come from strangers: who asks a service to fetch an address, or to open a file by
  // another spelling, must be allowed to.
  void take_url(clip::ImageSource* source) const {
    const UrlKind kind = url_kind(source->name);
    if (kind == UrlKind::kNone) return;
    if (kind != UrlKind::kData && !allow_urls_) {
      source->error = clip::Error(
          clip::ErrorCode::kInvalidArgument,
          fmt::format("cannot use {}: URLs other than data: need --allow-urls", source->name));
      return;
    }
    resolve_url(&stop_, source);
  }

  LineReader reader_;
  const bool allow_urls_;
  const clip::CancelToken& stop_;
  std::mutex mutex_;
  std::deque<clip::ParsedJob> lines_;
};

// False at the end. A model whose image tower cannot be used is the error of the jobs that need it.
bool next_batch(clip::ImageEmbedder* embedder, std::vector<clip::ImageResult>* batch,
                std::optional<clip::ResultError>* model_error) {
  try {
    return embedder->next(batch);
  } catch (const clip::Error& error) {
    if (batch->empty()) throw;  // the lines cannot be read
    *model_error = clip::ResultError{clip::kFailed, message_of(error)};
    return true;
  }
}

clip::Json answer_to(const clip::ParsedJob& line, const clip::ImageResult& image,
                     const std::optional<clip::ResultError>& model_error,
                     clip::Answerer* answerer) {
  if (line.error) return clip::error_answer(line.id, *line.error);
  if (line.job.image && image.error) return clip::error_answer(line.id, *image_error(image));
  if (line.job.image && model_error) return clip::error_answer(line.id, *model_error);
  return answerer->answer(line.job, image.embedding, image.dim);
}

WriterContext context_of() {
  WriterContext context;
  for (const char* name :
       {"id", "image", "text", "label", "score", "probability", "error_code", "error"}) {
    Column column;
    column.name = name;
    context.columns.push_back(column);
  }
  return context;
}

// A row for each score, or for each label of a ranking, or for the whole answer.
Record record_of(const clip::Job& job, clip::Json answer) {
  const Cell id = answer["id"].is_null() ? Cell() : Cell(clip::json_text(answer["id"]));
  const Cell image = job.image ? Cell(*job.image) : Cell();
  Record record;
  if (answer.contains("error")) {
    const clip::Json& error = answer["error"];
    record.rows.push_back({id,
                           image,
                           {},
                           {},
                           {},
                           {},
                           error["code"].get<std::string>(),
                           error["message"].get<std::string>()});
  } else if (answer.contains("scores")) {
    for (const clip::Json& each : answer["scores"]) {
      record.rows.push_back({id,
                             image,
                             each["text"].get<std::string>(),
                             {},
                             each["score"].get<double>(),
                             each["probability"].get<double>(),
                             {},
                             {}});
    }
  } else if (answer.contains("ranking")) {
    for (const clip::Json& each : answer["ranking"]) {
      record.rows.push_back({id,
                             image,
                             {},
                             each["label"].get<std::string>(),
                             each["score"].get<double>(),
                             each["probability"].get<double>(),
                             {},
                             {}});
    }
  } else {
    record.rows.push_back(
        {id, image, job.texts.empty() ? Cell() : Cell(job.texts.front()), {}, {}, {}, {}, {}});
  }
  record.json = std::move(answer);
  return record;
}

int run_batch(const BatchOptions& options) {
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  JobSource source({options.jobs, options.encoding}, options.allow_urls, &stop);
  check(options.output);
  check_outputs({options.output.output, options.output.report}, {options.jobs});
  const auto model = open_model(options.run.model, options.run.run.quiet);
  const OutputFormat& format = format_of(options.output, "json");
  clip::ImageEmbedder embedder(
      model, [&](clip::ImageSource* next) { return source.next(next); },
      embed_options(options.run, model->config(), Results::thumbnail_side(format, options.output)),
      &stop);
  clip::TextOptions texts;
  texts.encoder = encoder_options(options.run.model);
  texts.truncate = options.truncate;
  clip::Answerer answerer(model, texts);
  Progress progress("job", options.run.run.quiet, [] { return std::optional<std::uint64_t>(); });
  WriterContext context = context_of();
  context.model = title_of(*model);
  Results results(Results::output_of(options.output), format, options.output, context);

  results.begin();
  std::optional<clip::ResultError> model_error;
  for (std::vector<clip::ImageResult> batch; next_batch(&embedder, &batch, &model_error);) {
    std::vector<clip::ParsedJob> lines;
    std::vector<const clip::Job*> jobs;
    for (std::size_t i = 0; i < batch.size(); ++i) lines.push_back(source.take());
    for (const clip::ParsedJob& line : lines) {
      if (!line.error) jobs.push_back(&line.job);
    }
    answerer.prepare(jobs);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      Record record =
          record_of(lines[i].job, answer_to(lines[i], batch[i], model_error, &answerer));
      record.file = lines[i].job.image.value_or("");
      record.thumbnail = std::move(batch[i].thumbnail);
      if (results.on_terminal()) progress.clear();
      results.write(record);
      results.flush();
      progress.add(record.json.contains("error"));
    }
    progress.show();
  }
  const bool interrupted = interrupt_signal() != 0;
  results.finish(summary_of(progress, interrupted));
  progress.finish(interrupted);
  return progress.failed() == 0 ? kDone : kFailed;
}

}  // namespace

void setup_batch(CLI::App* batch, Command* command) {
  auto options = std::make_shared<BatchOptions>();
  batch->add_option("JOBS", options->jobs, "A file of jobs, one per line [standard input]")
      ->type_name("");
  add_encoding_option(batch, &options->encoding);
  add_truncate_option(batch, &options->truncate);
  batch->add_flag("--allow-urls", options->allow_urls,
                  "Allow images to be https:, http: and file: URLs; data: URLs always may");
  add_output_options(batch, &options->output, /*report=*/true,
                     {{"json", "Print one JSON object per job [default]"},
                      {"csv", "Print comma-separated values: a line for each score or label"},
                      {"tsv", "Print tab-separated values: a line for each score or label"},
                      {"report", "Also write an HTML page that shows images and answers"}});
  add_image_run_options(batch, &options->run);
  batch->footer(
      "Jobs:\n"
      "  {\"id\":1, \"op\":\"score\", \"image\":\"a.jpg\", \"texts\":[\"a cat\", \"a dog\"]}\n"
      "  {\"id\":2, \"op\":\"classify\", \"image\":\"a.jpg\", \"labels\":[\"cat\", \"dog\"]}\n"
      "  {\"id\":3, \"op\":\"embed\", \"text\":\"a cat\"}\n"
      "Example:\n"
      "  clip-cli batch jobs.jsonl > answers.jsonl");
  batch->callback([=] { *command = [=] { return run_batch(*options); }; });
}

}  // namespace clip_cli
