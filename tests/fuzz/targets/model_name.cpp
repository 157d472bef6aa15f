// What people name a model by.
#include "hub/model_name.h"

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  const std::string name(input);
  const clip::ModelName model = clip::parse_model_name(name);
  if (model.kind == clip::ModelName::Kind::kRepository) {
    require(clip::is_repository_id(model.repository), "a repository's name is one");
  }
}
