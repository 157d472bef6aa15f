#include "commands/models.h"

namespace clip_cli {

void setup_models(CLI::App* app, std::function<int()>* command) {
  CLI::App* models = app->add_subcommand("models", "Published models, and what model files hold");
  models->require_subcommand(1);
  models->footer(
      "Examples:\n"
      "  clip-cli models list\n"
      "  clip-cli models pull ViT-B/32");
  setup_models_list(models, command);
  setup_models_pull(models, command);
  setup_models_verify(models, command);
  setup_models_remove(models, command);
  setup_models_inspect(models, command);
  setup_models_check(models, command);
}

}  // namespace clip_cli
