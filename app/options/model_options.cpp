#include "options/model_options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <set>

#include "base/cpu.h"
#include "options/model_lookup.h"
#include "options/ready_files.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Model";

CLI::Validator one_of(const std::vector<std::string>& names) {
  return CLI::Validator(
      [names](const std::string& name) {
        for (const std::string& each : names) {
          if (name == each) return std::string();
        }
        return fmt::format("'{}' is not one of {}", name, fmt::join(names, ", "));
      },
      "");
}

std::vector<std::string> precision_names() {
  return {name_of(clip::Precision::kFloat32), name_of(clip::Precision::kBFloat16),
          name_of(clip::Precision::kInt8), name_of(clip::Precision::kFloat16)};
}

}  // namespace

void add_model_options(CLI::App* command, ModelOptions* options) {
  command
      ->add_option(
          "-m,--model", options->named,
          "A published model's name (see models list), hf:ORG/NAME[@REVISION] of the hub's "
          "cache, demo, or the path of a model's file or folder [ViT-B/32 if it is there, "
          "else demo]")
      ->envname("CLIP_MODEL")
      ->type_name("NAME|PATH")
      ->group(kGroup);
  command
      ->add_option(
          "--arch", options->open.architecture,
          "The architecture of weights that have no config beside them, as open_clip names "
          "it: ViT-B-32, ViT-B-32-quickgelu, ...")
      ->type_name("NAME")
      ->group(kGroup);
  command
      ->add_option("--image-size", options->open.image_size,
                   "Pixels a side, where it is not what the model was made for [its own]")
      ->check(CLI::Range(1, 16384))
      ->type_name("N")
      ->group(kGroup);
  std::vector<std::string> engines = clip::engine_names();
  engines.insert(engines.begin(), "auto");
  command
      ->add_option("--engine", options->encoder.engine,
                   "native: the fastest on CPUs; libtorch: on any device; both run no code of the "
                   "file; torchscript: the file's own code, on any device; auto: the first of them "
                   "that can run the model on the device [auto]")
      ->check(one_of(engines))
      ->type_name("ENGINE")
      ->group(kGroup);
  command
      ->add_option_function<std::string>(
          "--precision",
          [options](const std::string& name) {
            options->encoder.precision = *clip::precision_named(name);
          },
          "fp32, or bf16: faster and half the memory, changes scores (100 x cosine) by about 0.1; "
          "int8: faster still on CPUs, and changes them by about 0.3; fp16: as bf16, on GPUs "
          "[fp32]")
      ->check(one_of(precision_names()))
      ->type_name("PRECISION")
      ->group(kGroup);
  command->add_option("--device", options->encoder.device, "cpu, cuda or cuda:N (a GPU)")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group(kGroup);
  command
      ->add_option("--threads", options->encoder.threads,
                   "Threads to compute with [all processors that this process may use]")
      ->check(CLI::Range(1, 1024))
      ->type_name("N")
      ->group(kGroup);
}

void add_precision_list(CLI::App* command, std::vector<std::string>* precisions,
                        const char* description) {
  CLI::Option* const one = command->get_option_no_throw("--precision");
  if (one != nullptr) command->remove_option(one);
  command->add_option("--precision", *precisions, description)
      ->delimiter(',')
      ->check(one_of(precision_names()))
      ->type_name("PRECISION,...")
      ->group(kGroup);
}

std::shared_ptr<const clip::Model> open_model(const ModelOptions& options) {
  const ModelLocation location = locate_model(options.named);
  auto model = clip::Model::open(location.path, open_options(options.open, location));
  for (const std::string& assumed : model->config().assumed) {
    notice(fmt::format("{} does not state it, so this is assumed: {}", model->path(), assumed));
  }
  return model;
}

std::string title_of(const clip::Model& model) {
  return model.config().name.empty() ? model.path() : model.config().name;
}

std::size_t threads(const ModelOptions& options) {
  const int count = options.encoder.threads;
  return static_cast<std::size_t>(count > 0 ? count : clip::usable_processors());
}

clip::EncoderOptions encoder_options(const ModelOptions& options) {
  clip::EncoderOptions encoder = options.encoder;
  encoder.ready_folder = ready_folder();
  encoder.notice = [said = std::make_shared<std::set<std::string>>()](const std::string& text) {
    if (said->insert(text).second) notice(text);
  };
  return encoder;
}

}  // namespace clip_cli
