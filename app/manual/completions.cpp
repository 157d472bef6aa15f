#include "manual/completions.h"

#include "hub/catalog.h"
#include "options/model_lookup.h"
#include "zero_shot/builtin_sets.h"

namespace clip_cli {

const char* dynamic_name(Words kind) {
  switch (kind) {
    case Words::kModel:
      return "models";
    case Words::kModelName:
      return "published";
    case Words::kLabelSet:
      return "label-sets";
    case Words::kTemplateSet:
      return "template-sets";
    default:
      return nullptr;
  }
}

std::vector<std::string> dynamic_words(Words kind) {
  switch (kind) {
    case Words::kLabelSet:
      return clip::label_set_names();
    case Words::kTemplateSet:
      return clip::template_set_names();
    case Words::kModel:
    case Words::kModelName:
      break;
    default:
      return {};
  }
  std::vector<std::string> names;
  if (kind == Words::kModel) names.emplace_back("demo");
  for (const clip::CatalogModel& model : clip::catalog()) {
    if (model.runs()) names.push_back(title_of(model));
  }
  return names;
}

}  // namespace clip_cli
