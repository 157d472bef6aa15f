#include "options/model_options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <mutex>
#include <set>

#include "base/cpu.h"
#include "options/model_lookup.h"
#include "options/ready_files.h"
#include "options/value_words.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Model";

std::vector<std::string> precision_names() {
  return {name_of(clip::Precision::kFloat32), name_of(clip::Precision::kBFloat16),
          name_of(clip::Precision::kInt8), name_of(clip::Precision::kFloat16)};
}

}  // namespace

void add_model_options(CLI::App* command, ModelOptions* options) {
  command
      ->add_option(
          "-m,--model", options->named,
          "A model's name or path [ViT-B/32 if it is here, else the demo model]\n"
          "A published model's name, as `clip-cli models list --all` has it (ViT-B/32, "
          "ViT-B-32/laion2b_s34b_b79k); hf:ORG/NAME[@REVISION], a repository of the Hugging Face "
          "Hub; demo; or the path of a model's file or folder. `clip-cli models pull` downloads "
          "models, and no other command does.")
      ->envname("CLIP_MODEL")
      ->type_name("MODEL")
      ->group(kGroup);
  command
      ->add_option("--arch", options->open.architecture,
                   "Architecture of weights without a config beside them: ViT-B-32, ...\n"
                   "As open_clip names it: ViT-B-32, ViT-B-32-quickgelu and so on.")
      ->type_name("NAME")
      ->group(kGroup);
  command
      ->add_option("--image-size", options->open.image_size,
                   "Size of the model's input in pixels a side [the model's own]")
      ->check(CLI::Range(1, 16384))
      ->type_name("N")
      ->group(kGroup);
  std::vector<std::string> engines = clip::engine_names();
  engines.insert(engines.begin(), "auto");
  CLI::Option* engine =
      command
          ->add_option(
              "--engine", options->encoder.engine,
              "The engine: native, libtorch, torchscript or auto [auto]\n"
              "native is the fastest on CPUs. libtorch computes on any device. Neither "
              "runs code of the file. torchscript runs the file's own code, on any device: "
              "use it only for files that you trust. auto is the first of them that can "
              "run the model on the device.")
          ->type_name("ENGINE")
          ->group(kGroup);
  allow_only(engine, engines);
  CLI::Option* precision =
      command
          ->add_option_function<std::string>(
              "--precision",
              [options](const std::string& name) {
                options->encoder.precision = *clip::precision_named(name);
              },
              "fp32 (exact), bf16 or int8 (faster, less memory), fp16 (GPUs) [fp32]\n"
              "bf16 takes half the memory and changes scores (100 x cosine) by about 0.1. int8 is "
              "faster still on CPUs, and changes them by about 0.3. fp16 is like bf16, on GPUs. "
              "`clip-cli models self-test MODEL IMAGE...` says what a precision costs on your own "
              "images.")
          ->type_name("PRECISION")
          ->group(kGroup);
  allow_only(precision, precision_names());
  command->add_option("--device", options->encoder.device, "cpu, or a GPU: cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group(kGroup);
  command
      ->add_option("--threads", options->encoder.threads,
                   "Threads to compute with [one for each processor]\n"
                   "Processors are those that this process may use.")
      ->check(CLI::Range(1, 1024))
      ->type_name("N")
      ->group(kGroup);
}

void add_precision_list(CLI::App* command, std::vector<std::string>* precisions,
                        const char* description) {
  CLI::Option* const one = command->get_option_no_throw("--precision");
  if (one != nullptr) command->remove_option(one);
  CLI::Option* precision = command->add_option("--precision", *precisions, description)
                               ->delimiter(',')
                               ->type_name("PRECISION,...")
                               ->group(kGroup);
  allow_only(precision, precision_names());
}

std::shared_ptr<const clip::Model> open_model(const ModelOptions& options, bool quiet) {
  const ModelLocation location = locate_model(options.named, quiet);
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
  // Once for both towers, which are opened one after the other, or by two threads.
  encoder.notice = [](const std::string& text) {
    static std::mutex mutex;
    static std::set<std::string> said;
    const std::lock_guard<std::mutex> lock(mutex);
    if (said.insert(text).second) notice(text);
  };
  return encoder;
}

}  // namespace clip_cli
