#include <fmt/format.h>

#include <memory>

#include "commands/models.h"
#include "exit_code.h"
#include "options/model_lookup.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct ListOptions {
  bool json = false;
};

int run_list(const ListOptions& options) {
  const clip::ModelStore store = model_store();
  if (!options.json) {
    fmt::print("{:<15} {:>8} {:>12} {:>10} {:>11}  {}\n", "model", "size", "parameters",
               "image size", "ImageNet", "here");
  }
  for (const clip::PublishedModel& model : clip::published_models()) {
    const bool here = store.has(model);
    if (options.json) {
      print_json({{"name", model.name},
                  {"megabytes", model.megabytes},
                  {"parameters", model.parameters},
                  {"image_size", model.image_size},
                  {"imagenet_top1", model.imagenet_top1},
                  {"sha256", model.sha256},
                  {"here", here},
                  {"path", store.path(model)}});
    } else {
      fmt::print("{:<15} {:>5} MB {:>10.1f} M {:>7} px {:>9.1f} %  {}\n", model.name,
                 model.megabytes, 1e-6 * static_cast<double>(model.parameters), model.image_size,
                 model.imagenet_top1, here ? "yes" : "no");
    }
  }
  return kDone;
}

}  // namespace

void setup_models_list(CLI::App* models, Command* command) {
  CLI::App* list = models->add_subcommand(
      "list", "The models that OpenAI published, their accuracy, and which files are here");
  auto options = std::make_shared<ListOptions>();
  list->add_flag("--json", options->json, "Print one JSON object per model");
  list->footer("Example:\n  clip-cli models list");
  list->callback([=] { *command = [=] { return run_list(*options); }; });
}

}  // namespace clip_cli
