#include <fmt/format.h>

#include <memory>
#include <string>

#include "clip/engine.h"
#include "clip/error.h"
#include "commands/models.h"
#include "exit_code.h"
#include "options/model_options.h"
#include "options/ready_files.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct PrepareOptions {
  std::string argument;  // MODEL, which comes before --model
  bool json = false;
  ModelOptions model;
};

int run_prepare(const PrepareOptions& options) {
  if (ready_folder().empty()) {
    throw UsageError("ready weights are kept in ~/.cache/clip-cli: set HOME or XDG_CACHE_HOME");
  }
  const auto model = open_model(options.model);
  clip::EncoderOptions encoder = encoder_options(options.model);
  encoder.prepare = true;
  const clip::Engine& engine = clip::resolve_engine(*model, encoder);
  if (engine.name != std::string("native")) {
    throw clip::Error(clip::ErrorCode::kUnsupported,
                      fmt::format("ready weights are those of the engine native, and {} is "
                                  "computed by {}",
                                  title_of(*model), engine.name));
  }
  clip::open_image_encoder(model, encoder);
  clip::open_text_encoder(model, encoder);
  for (const ReadyFile& file : ready_files()) {
    const std::string precision = name_of(clip::resolve_precision(*model, encoder));
    if (file.identity != model->identity() || file.precision != precision) continue;
    if (options.json) {
      clip::Json json = {
          {"tower", file.tower}, {"precision", file.precision}, {"bytes", file.bytes}};
      clip::put_name(&json, "model", model->path());
      clip::put_name(&json, "path", file.path);
      print_json(json);
    } else {
      notice(fmt::format("{} tower in {}: {} ({:.1f} MB)", file.tower, file.precision, file.path,
                         static_cast<double>(file.bytes) / 1e6));
    }
  }
  return kDone;
}

}  // namespace

void setup_models_prepare(CLI::App* models, Command* command) {
  CLI::App* prepare = models->add_subcommand(
      "prepare", "Store a model's weights ready to compute with, so that commands start faster");
  auto options = std::make_shared<PrepareOptions>();
  prepare->add_option("MODEL", options->argument, "A model's name or path [the default model]")
      ->type_name("");
  prepare->add_flag("--json", options->json, "Print one JSON object per file");
  add_model_options(prepare, &options->model);
  prepare->footer(
      "All commands use them when the model, the precision, the processor and the version of "
      "oneDNN\n"
      "are the same, and write them anew when they are not. They are in ~/.cache/clip-cli/ready\n"
      "(XDG_CACHE_HOME/clip-cli/ready), about as large as the model; models list shows them, and\n"
      "models remove --ready MODEL deletes them.\n\n"
      "Examples:\n"
      "  clip-cli models prepare ViT-B/32\n"
      "  clip-cli models prepare ViT-B/32 --precision int8");
  prepare->callback([=] {
    *command = [=] {
      if (!options->argument.empty()) options->model.named = options->argument;
      return run_prepare(*options);
    };
  });
}

}  // namespace clip_cli
