#include "zero_shot/embed_labels.h"

#include <algorithm>

#include "error.h"
#include "zero_shot/prompt_templates.h"

namespace clip {
namespace {

// Prompts embedded at once: many, for those of one template share their beginning, which the native
// text tower computes once.
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

}  // namespace

Embeddings embed_labels(const std::vector<Label>& labels, const std::vector<std::string>& templates,
                        const EmbedPrompts& embed, const PromptProgress& progress) {
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
  if (sums.values.empty()) throw Error("there are labels without a prompt and without a template");
  normalize(&sums);
  return sums;
}

}  // namespace clip
