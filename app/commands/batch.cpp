#include "commands/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch_job.h"
#include "error.h"
#include "errors.h"
#include "interrupt.h"
#include "options.h"
#include "picture_options.h"
#include "pipeline/text_cache.h"
#include "ui/json.h"
#include "ui/line_reader.h"
#include "ui/output.h"
#include "ui/progress.h"
#include "zero_shot/embed_labels.h"
#include "zero_shot/prompt_templates.h"
#include "zero_shot/ranking.h"
#include "zero_shot/similarity.h"

namespace clip_cli {
namespace {

constexpr std::size_t kLongestLine = 4 << 20;   // bytes
constexpr std::size_t kCacheBytes = 32 << 20;   // of each cache
constexpr std::size_t kPreparedPrompts = 4096;  // computed together for jobs that wait together

struct BatchOptions {
  std::string jobs = "-";
  bool truncate = false;
  RunOptions run;
  ModelOptions model;
  ImageOptions image;
};

// A line that was read: a job, or why it is none.
struct Line {
  Json id;
  BatchJob job;
  std::optional<JobError> error;
};

// Reads lines as the stream of pictures asks for them: every line is an item of the stream, with or
// without a picture, so answers come in the order of lines, and no more are read than are in hand.
class JobSource {
 public:
  explicit JobSource(const std::string& path) : reader_(path) {}

  // Called by the stream's workers, one at a time.
  bool next(clip::PicturePath* picture) {
    bool too_long = false;
    std::string text;
    do {
      if (interrupted() != 0 || !reader_.next(&text, kLongestLine, &too_long)) return false;
    } while (text.find_first_not_of(" \t") == std::string::npos);
    Line line;
    try {
      if (too_long) {
        throw JobError(kBadJson, fmt::format("the line has more than {} MiB", kLongestLine >> 20));
      }
      line.job = parse_job(text, &line.id);
    } catch (const JobError& error) {
      line.error = error;
    }
    if (!line.error && line.job.image) {
      picture->path = *line.job.image;
    } else {
      picture->error = "no picture";
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    lines_.push_back(std::move(line));
    return true;
  }

  // The line that belongs to the stream's next item.
  Line take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    Line line = std::move(lines_.front());
    lines_.pop_front();
    return line;
  }

 private:
  LineReader reader_;
  std::mutex mutex_;
  std::deque<Line> lines_;
};

// A float's own shortest digits, not those of the double that it becomes in JSON.
Json numbers(const float* values, std::int64_t count) {
  Json array = Json::array();
  for (std::int64_t i = 0; i < count; ++i) array.push_back(std::stod(fmt::format("{}", values[i])));
  return array;
}

class Answerer {
 public:
  Answerer(clip::Encoder* encoder, const clip::ModelConfig& config, bool truncate)
      : config_(config), texts_(encoder, config, truncate, kCacheBytes), label_sets_(kCacheBytes) {}

  // Computes together what the jobs need that is not in the caches.
  void prepare(const std::vector<Line>& lines) {
    std::vector<std::string> prompts;
    for (const Line& line : lines) {
      if (line.error) continue;
      prompts.insert(prompts.end(), line.job.texts.begin(), line.job.texts.end());
      const std::size_t count = line.job.labels.size() * line.job.templates.size();
      if (count > kPreparedPrompts || label_sets_.find(key_of(line.job)) != nullptr) continue;
      for (const std::string& each : line.job.templates) {
        for (const std::string& label : line.job.labels) {
          prompts.push_back(clip::fill_template(each, label));
        }
      }
    }
    if (prompts.size() <= kPreparedPrompts) texts_.prepare(prompts);
  }

  // `embedding`: the picture's, where the job has one. Throws JobError.
  Json answer(const BatchJob& job, const float* embedding) {
    Json answer = {{"id", job.id}};
    try {
      switch (job.op) {
        case BatchJob::Op::kScore:
          answer["scores"] = scores(job, embedding);
          break;
        case BatchJob::Op::kClassify:
          classify(job, embedding, &answer);
          break;
        case BatchJob::Op::kEmbed:
          answer["embedding"] =
              embedding != nullptr
                  ? numbers(embedding, config_.embedding_dim)
                  : numbers(texts_.embed(job.texts).values.data(), config_.embedding_dim);
          break;
      }
    } catch (const clip::Error& error) {
      throw JobError(kBadText, error.what());
    }
    return answer;
  }

 private:
  Json scores(const BatchJob& job, const float* embedding) {
    const std::vector<double> cosines = clip::cosines_with(embedding, texts_.embed(job.texts));
    const std::vector<double> probabilities =
        clip::probabilities(cosines.data(), cosines.size(), config_.logit_scale);
    Json scores = Json::array();
    for (std::size_t i = 0; i < cosines.size(); ++i) {
      scores.push_back({{"text", job.texts[i]},
                        {"cosine", cosines[i]},
                        {"score", 100 * cosines[i]},
                        {"probability", probabilities[i]}});
    }
    return scores;
  }

  void classify(const BatchJob& job, const float* embedding, Json* answer) {
    const auto labels = label_embeddings(job);
    const std::vector<double> cosines = clip::cosines_with(embedding, *labels);
    const auto ranking =
        clip::rank_labels(cosines.data(), cosines.size(), config_.logit_scale, job.top_k);
    (*answer)["label"] = job.labels[ranking.front().label];
    (*answer)["probability"] = ranking.front().probability;
    Json choices = Json::array();
    for (const clip::RankedLabel& ranked : ranking) {
      choices.push_back({{"label", job.labels[ranked.label]},
                         {"probability", ranked.probability},
                         {"score", ranked.score}});
    }
    (*answer)["ranking"] = std::move(choices);
  }

  // Lengths before texts, so that no two different jobs have the same key.
  static std::string key_of(const BatchJob& job) {
    std::string key;
    for (const auto* texts : {&job.templates, &job.labels}) {
      key += fmt::format("{};", texts->size());
      for (const std::string& text : *texts) key += fmt::format("{};{}", text.size(), text);
    }
    return key;
  }

  std::shared_ptr<const clip::Embeddings> label_embeddings(const BatchJob& job) {
    const std::string key = key_of(job);
    if (auto found = label_sets_.find(key)) return found;
    std::vector<clip::Label> labels;
    for (const std::string& label : job.labels) labels.push_back({label, {}});
    auto embedded = std::make_shared<const clip::Embeddings>(clip::embed_labels(
        labels, job.templates,
        [&](const std::vector<std::string>& prompts) { return texts_.embed(prompts); }));
    label_sets_.add(key, embedded, embedded->values.size() * sizeof(float));
    return embedded;
  }

  const clip::ModelConfig& config_;
  clip::TextCache texts_;
  clip::LruCache<clip::Embeddings> label_sets_;
};

Json answer_to(const Line& line, const clip::ImageResult& picture, const float* embedding,
               Answerer* answerer, bool* failed) {
  try {
    if (line.error) throw *line.error;
    if (line.job.image && embedding == nullptr) throw JobError(kBadImage, picture.error);
    return answerer->answer(line.job, embedding);
  } catch (const JobError& error) {
    *failed = true;
    return error_answer(line.id, error);
  }
}

int run_batch(const BatchOptions& options) {
  catch_interrupts();
  JobSource source(options.jobs);
  const auto model = open_model(options.model);
  const clip::ModelConfig& config = model->config();
  clip::ImageStream stream([&](clip::PicturePath* next) { return source.next(next); },
                           clip::preprocess_rule(config),
                           stream_options(options.run, options.model, options.image, config));
  const WaitsEndHere waits_end_here;
  const auto encoder = open_encoder(model, options.model);
  Answerer answerer(encoder.get(), config, options.truncate);
  Progress progress("job", options.run.quiet, [] { return std::optional<std::uint64_t>(); });
  Output output = Output::standard();

  for (clip::ImageBatch batch;
       clip::embed_next(&stream, encoder.get(), options.run.batch, &batch);) {
    std::vector<Line> lines;
    for (std::size_t i = 0; i < batch.results.size(); ++i) lines.push_back(source.take());
    answerer.prepare(lines);
    std::int64_t good = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const float* embedding =
          batch.results[i].error.empty() ? batch.embeddings.row(good++) : nullptr;
      bool failed = false;
      const Json answer = answer_to(lines[i], batch.results[i], embedding, &answerer, &failed);
      if (output.is_terminal()) progress.clear();
      output.write(json_line(answer));
      output.flush();
      progress.add(failed);
    }
    progress.show();
  }
  progress.finish(interrupted() != 0);
  return progress.failed() == 0 ? kDone : kFailed;
}

}  // namespace

void setup_batch(CLI::App* app, std::function<int()>* command) {
  CLI::App* batch = app->add_subcommand(
      "batch", "Run jobs for scripts: a JSON object a line in, one a line out, in the same order");
  auto options = std::make_shared<BatchOptions>();
  batch->add_option("JOBS", options->jobs, "File of jobs, one a line [-: standard input]")
      ->type_name("");
  batch->add_flag("--truncate", options->truncate,
                  "Cut prompts that are longer than the model's context instead of refusing them");
  add_run_options(batch, &options->run);
  add_model_options(batch, &options->model);
  add_image_options(batch, &options->image);
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
