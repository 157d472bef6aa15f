#include <fmt/format.h>

#include <algorithm>

#include "base/excerpt.h"
#include "clip/error.h"
#include "clip/zero_shot.h"
#include "zero_shot/prompt_templates.h"

namespace clip {
namespace {

// Prompts embedded at once: many, since those of one template share their beginning, which the
// native text tower computes once. ImageNet's labels in OpenAI's 80 templates have 769,372 tokens,
// of which it computes 43.2%; ordered by label it would be 45.6%, and in one go 42.9%.
constexpr std::size_t kPromptsAtOnce = 1024;

// One prompt of one label. Prompts of a template stand together.
struct LabelPrompt {
  std::size_t label;
  const std::string* text;
  bool is_template;

  std::string prompt(const std::vector<Label>& labels) const {
    return is_template ? fill_template(*text, labels[label].name) : *text;
  }
};

std::vector<LabelPrompt> all_prompts(const std::vector<Label>& labels,
                                     const std::vector<std::string>& templates) {
  std::vector<LabelPrompt> prompts;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (const std::string& prompt : labels[i].prompts) prompts.push_back({i, &prompt, false});
  }
  for (const std::string& each : templates) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].prompts.empty()) prompts.push_back({i, &each, true});
    }
  }
  return prompts;
}

void check_labels(const std::vector<Label>& labels, const std::vector<std::string>& templates) {
  if (labels.empty()) throw Error(ErrorCode::kInvalidArgument, "there are no labels");
  for (const Label& label : labels) {
    if (!templates.empty() || !label.prompts.empty()) continue;
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("the label \"{}\" has no prompt, and there is no template that makes one",
                    excerpt(label.name)));
  }
}

}  // namespace

Embeddings embed_labels(const std::vector<Label>& labels, const std::vector<std::string>& templates,
                        const EmbedPrompts& embed, const PromptProgress& progress) {
  check_labels(labels, templates);
  const std::vector<LabelPrompt> prompts = all_prompts(labels, templates);
  Embeddings sums;
  sums.count = static_cast<std::int64_t>(labels.size());
  for (std::size_t begin = 0; begin < prompts.size(); begin += kPromptsAtOnce) {
    const std::size_t end = std::min(begin + kPromptsAtOnce, prompts.size());
    std::vector<std::string> texts;
    for (std::size_t i = begin; i < end; ++i) texts.push_back(prompts[i].prompt(labels));
    const Embeddings embedded = embed(texts);
    sums.dim = embedded.dim;
    sums.values.resize(labels.size() * static_cast<std::size_t>(sums.dim));
    for (std::size_t i = begin; i < end; ++i) {
      const float* from = embedded.row(static_cast<std::int64_t>(i - begin));
      float* to = sums.values.data() + prompts[i].label * static_cast<std::size_t>(sums.dim);
      for (std::int64_t k = 0; k < sums.dim; ++k) to[k] += from[k];
    }
    if (progress) progress(end, prompts.size());
  }
  for (std::int64_t i = 0; i < sums.count; ++i) {
    const double norm = normalize(sums.row(i), sums.dim);
    if (usable_norm(norm)) continue;
    throw Error(
        ErrorCode::kInternal,
        fmt::format("cannot use the label \"{}\": the mean of its prompts has the length {}",
                    excerpt(labels[static_cast<std::size_t>(i)].name), norm));
  }
  return sums;
}

}  // namespace clip
