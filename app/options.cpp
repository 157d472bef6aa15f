#include "options.h"

#include <fmt/format.h>

#include <CLI/Validators.hpp>
#include <cstdio>

#include "errors.h"
#include "ui/text.h"

namespace clip_cli {

void add_model_options(CLI::App* command, ModelOptions* options) {
  command
      ->add_option("-m,--model", options->path, "TorchScript export of CLIP, or OpenAI's .pt file")
      ->envname("CLIP_MODEL")
      ->type_name("PATH")
      ->group("Model");
  command->add_option("--device", options->encoder.device, "cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Model");
  command
      ->add_option("--threads", options->encoder.threads,
                   "Threads to compute with [all processors this process may use]")
      ->check(CLI::Range(1, 1024))
      ->type_name("N")
      ->group("Model");
}

std::shared_ptr<const clip::ModelFile> open_model(const ModelOptions& options) {
  if (options.path.empty()) {
    throw UsageError(
        "no model: name one with --model PATH or in the variable CLIP_MODEL. OpenAI's published "
        ".pt "
        "files work as they are; scripts/export_torchscript.py makes others.");
  }
  auto model = std::make_shared<const clip::ModelFile>(options.path);
  for (const std::string& assumed : model->config().assumed) {
    notice(fmt::format("{} does not say it, so this is assumed: {}", options.path, assumed));
  }
  return model;
}

void add_image_options(CLI::App* command, ImageOptions* options) {
  command
      ->add_flag("--ignore-exif", options->ignore_exif,
                 "Leave pictures as stored, as OpenAI's code does, whatever their EXIF "
                 "orientation says")
      ->group("Pictures");
  command
      ->add_option("--max-pixels", options->max_megapixels,
                   "Refuse pictures of more megapixels than this")
      ->check(CLI::Range(1, 1000000))
      ->type_name("MEGAPIXELS")
      ->capture_default_str()
      ->group("Pictures");
}

clip::DecodeOptions decode_options(const ImageOptions& options) {
  clip::DecodeOptions decode;
  decode.max_pixels = options.max_megapixels * 1000000;
  decode.ignore_exif = options.ignore_exif;
  return decode;
}

}  // namespace clip_cli
