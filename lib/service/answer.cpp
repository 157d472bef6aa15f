#include "service/answer.h"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "clip/error.h"
#include "clip/zero_shot.h"
#include "zero_shot/prompt_templates.h"

namespace clip {
namespace {

constexpr std::size_t kCacheBytes = 32 << 20;    // of each cache
constexpr std::size_t kPreparedPrompts = 4096;   // computed together for jobs that wait together
constexpr std::size_t kPreparedBytes = 4 << 20;  // of these prompts

TextOptions with_cache(TextOptions options) {
  if (options.cache_bytes == 0) options.cache_bytes = kCacheBytes;
  return options;
}

// Lengths before texts, so that no two different jobs have the same key.
std::string key_of(const Job& job) {
  std::string key;
  for (const auto* texts : {&job.templates, &job.labels}) {
    key += fmt::format("{};", texts->size());
    for (const std::string& text : *texts) key += fmt::format("{};{}", text.size(), text);
  }
  return key;
}

// A text is too long for the model, or the model gives it no usable embedding; all else is an error
// of the model's file or of the system.
const char* code_of(const Error& error) {
  const bool of_text = error.code() == ErrorCode::kLimit || error.code() == ErrorCode::kInternal;
  return of_text ? kBadText : kFailed;
}

}  // namespace

Answerer::Answerer(std::shared_ptr<const Model> model, const TextOptions& texts)
    : model_(std::move(model)), texts_(model_, with_cache(texts)), label_sets_(kCacheBytes) {}

void Answerer::prepare(const std::vector<const Job*>& jobs) {
  std::vector<std::string> prompts;
  for (const Job* job : jobs) {
    prompts.insert(prompts.end(), job->texts.begin(), job->texts.end());
    const std::size_t count = job->labels.size() * job->templates.size();
    if (count == 0 || count > kPreparedPrompts || label_sets_.find(key_of(*job)) != nullptr ||
        filled_bytes(job->templates, job->labels) > kPreparedBytes) {
      continue;
    }
    for (const std::string& each : job->templates) {
      for (const std::string& label : job->labels) {
        prompts.push_back(fill_template(each, label));
      }
    }
  }
  if (prompts.size() <= kPreparedPrompts) texts_.prepare(prompts);
}

Json Answerer::answer(const Job& job, const float* image, std::int64_t dim) {
  Json answer = Json::object();
  answer["id"] = job.id;
  try {
    if (job.image && image == nullptr) {
      return error_answer(job.id, {kBadImage, "the image has no embedding"});
    }
    answer.update(result_of(job, image, dim > 0 ? dim : model_->config().embedding_dim));
  } catch (const Error& error) {
    return error_answer(job.id, {code_of(error), error.what()});
  } catch (const std::bad_alloc&) {
    return error_answer(job.id, {kFailed, "there is not enough memory for this job"});
  }
  return answer;
}

Json Answerer::result_of(const Job& job, const float* image, std::int64_t dim) {
  const double logit_scale = model_->config().logit_scale;
  if (job.op == Job::Op::kScore) {
    ScoreResult result;
    result.scores = scores_of(image, job.texts, texts_.embed(job.texts), logit_scale);
    return to_json(result);
  }
  if (job.op == Job::Op::kClassify) {
    ClassifyResult result;
    result.ranking = choices_of(image, job.labels, *label_embeddings(job), logit_scale, job.top_k);
    result.label = result.ranking.front().label;
    return to_json(result);
  }
  EmbedResult result;
  if (job.image) {
    result.embedding.assign(image, image + dim);
  } else {
    result.embedding = texts_.embed(job.texts).values;
  }
  return to_json(result);
}

std::shared_ptr<const Embeddings> Answerer::label_embeddings(const Job& job) {
  const std::string key = key_of(job);
  if (auto found = label_sets_.find(key)) return found;
  std::vector<Label> labels;
  labels.reserve(job.labels.size());
  for (const std::string& label : job.labels) labels.push_back({label, {}});
  auto embedded = std::make_shared<const Embeddings>(
      embed_labels(labels, job.templates,
                   [&](const std::vector<std::string>& prompts) { return texts_.embed(prompts); }));
  label_sets_.add(key, embedded, embedded->values.size() * sizeof(float));
  return embedded;
}

}  // namespace clip
