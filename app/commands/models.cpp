#include "commands/models.h"

#include "service/result.h"
#include "terminal/hints.h"

namespace clip_cli {

void setup_models(CLI::App* models, Command* command) {
  models->require_subcommand(1);
  models->footer(
      "Examples:\n"
      "  clip-cli models list\n"
      "  clip-cli models pull ViT-B/32");
  setup_models_list(models, command);
  setup_models_pull(models, command);
  setup_models_verify(models, command);
  setup_models_remove(models, command);
  setup_models_prepare(models, command);
  setup_models_inspect(models, command);
  setup_models_self_test(models, command);
}

clip::Json error_json(const clip::Error& error) {
  return clip::to_json(clip::ResultError{name_of(error.code()), message_of(error)});
}

}  // namespace clip_cli
